//! A list whose elements stay what they are while others come and go.

use super::{El, Kids, again, marks};
use reactive_graph::owner::Owner;
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::Hash;
use web_sys::Node;

/// A list of elements, each under its key: one that stays is neither made anew nor moved without need.
pub struct Each<K>(Box<dyn Fn() -> Vec<K>>, Box<dyn Fn(K) -> El>);

pub fn each<K: Eq + Hash + Copy + 'static>(keys: impl Fn() -> Vec<K> + 'static, make: impl Fn(K) -> El + 'static) -> Each<K> {
    Each(Box::new(keys), Box::new(make))
}

impl<K: Eq + Hash + Copy + 'static> Kids for Each<K> {
    fn put(self, to: &Node) {
        let Self(keys, make) = self;
        let (start, end) = marks(to);
        let owner = Owner::current().unwrap_or_default();
        let there = RefCell::new(HashMap::<K, (El, Owner)>::new());
        again(Box::new(move || {
            let keys = keys();
            let mut old = there.take();
            let mut new = HashMap::with_capacity(keys.len());
            let Some(parent) = end.parent_node() else { return };
            let mut items = Vec::with_capacity(keys.len());
            for key in keys {
                let item = old.remove(&key).unwrap_or_else(|| {
                    let of_item = owner.child();
                    let made = of_item.with(|| make(key));
                    (made, of_item)
                });
                items.push(item.0.clone());
                new.insert(key, item);
            }
            // What is gone goes first: then what stays need not move.
            for (gone, owner) in old.into_values() {
                gone.0.remove();
                owner.cleanup();
            }
            let mut next = start.next_sibling();
            for item in items {
                if next.as_ref() == Some(item.0.as_ref()) {
                    next = item.0.next_sibling();
                } else {
                    _ = parent.insert_before(&item.0, next.as_ref());
                }
            }
            there.replace(new);
        }));
    }
}
