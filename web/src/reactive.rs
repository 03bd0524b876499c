//! Signals: Leptos's reactive graph, whose values have no type here until they are read.
//!
//! The graph's own signals are compiled once more for every type that they hold, thirty times in this page, and every visitor would fetch
//! each. Here the graph holds [`Held`], and what knows the type is a line long.

use reactive_graph::computed;
use reactive_graph::effect;
use reactive_graph::graph;
use reactive_graph::owner::{LocalStorage, StoredValue};
use reactive_graph::signal::ArcTrigger;
use reactive_graph::traits::{Get as _, GetValue as _, Notify as _, Track as _};
use send_wrapper::SendWrapper;
use std::any::Any;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;

/// A value of whatever type, and who wants to know of its changes.
#[derive(Clone)]
struct Held {
    value: Rc<dyn Any>,
    changed: ArcTrigger,
}

/// A value that changes. It lives as long as the owner that it was made under.
pub struct RwSignal<T> {
    held: StoredValue<Held, LocalStorage>,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for RwSignal<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for RwSignal<T> {}

fn hold(value: Rc<dyn Any>) -> StoredValue<Held, LocalStorage> {
    StoredValue::new_local(Held { value, changed: ArcTrigger::new() })
}

/// What reads a signal whose part of the page is gone has a mistake in it: it must not outlive what it was made for.
fn held(held: StoredValue<Held, LocalStorage>) -> Held {
    held.get_value()
}

impl<T: 'static> RwSignal<T> {
    pub fn new(value: T) -> Self {
        Self { held: hold(Rc::new(RefCell::new(value))), of: PhantomData }
    }

    /// Reads, and is told of changes.
    pub fn with<R>(self, read: impl FnOnce(&T) -> R) -> R {
        self.track();
        self.with_untracked(read)
    }

    pub fn with_untracked<R>(self, read: impl FnOnce(&T) -> R) -> R {
        let held = held(self.held);
        read(&cell(&held).borrow())
    }

    pub fn track(self) {
        held(self.held).changed.track();
    }

    /// Changes it, and tells who has read it; where it is gone, nothing.
    pub fn update(self, change: impl FnOnce(&mut T)) {
        let Some(held) = self.held.try_get_value() else { return };
        change(&mut cell(&held).borrow_mut());
        held.changed.notify();
    }

    pub fn set(self, value: T) {
        self.update(|old| *old = value);
    }
}

impl<T: Clone + 'static> RwSignal<T> {
    pub fn get(self) -> T {
        self.with(T::clone)
    }

    pub fn get_untracked(self) -> T {
        self.with_untracked(T::clone)
    }
}

/// Nothing but a signal of this type has put it there.
#[allow(clippy::expect_used, reason = "a signal holds what it was made with")]
fn cell<T: 'static>(held: &Held) -> &RefCell<T> {
    held.value.downcast_ref().expect("a signal's own type")
}

/// What follows from signals, as the graph sees it.
#[derive(Clone)]
struct Made {
    value: SendWrapper<Rc<dyn Any>>,
    is_same: fn(&dyn Any, &dyn Any) -> bool,
}

impl PartialEq for Made {
    fn eq(&self, other: &Self) -> bool {
        (self.is_same)(&**self.value, &**other.value)
    }
}

/// A value that follows from others. What reads it is told only where it is another than before.
pub struct Memo<T> {
    memo: computed::Memo<Made>,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Memo<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Memo<T> {}

/// Makes a value, given what there was before.
type Make = Box<dyn Fn(Option<&dyn Any>) -> Made>;

fn memo(make: Make) -> computed::Memo<Made> {
    let make = SendWrapper::new(make);
    computed::Memo::new(move |old: Option<&Made>| make(old.map(|old| &**old.value)))
}

impl<T: PartialEq + 'static> Memo<T> {
    /// `make` is given what there was before.
    pub fn new(make: impl Fn(Option<&T>) -> T + 'static) -> Self {
        let is_same = |one: &dyn Any, other: &dyn Any| one.downcast_ref::<T>() == other.downcast_ref();
        let memo = memo(Box::new(move |old| {
            let value: Rc<dyn Any> = Rc::new(make(old.and_then(<dyn Any>::downcast_ref)));
            Made { value: SendWrapper::new(value), is_same }
        }));
        Self { memo, of: PhantomData }
    }

    #[allow(clippy::expect_used, reason = "a memo holds what it has made")]
    pub fn with<R>(self, read: impl FnOnce(&T) -> R) -> R {
        let made = made(self.memo);
        read(made.downcast_ref().expect("a memo's own type"))
    }

    pub fn with_untracked<R>(self, read: impl FnOnce(&T) -> R) -> R {
        untrack(|| self.with(read))
    }

    pub fn track(self) {
        made(self.memo);
    }
}

fn made(memo: computed::Memo<Made>) -> Rc<dyn Any> {
    Rc::clone(&memo.get().value)
}

impl<T: Clone + PartialEq + 'static> Memo<T> {
    pub fn get(self) -> T {
        self.with(T::clone)
    }

    pub fn get_untracked(self) -> T {
        self.with_untracked(T::clone)
    }
}

/// Does something now, and again whenever what it has read has changed, for as long as the owner that it was made under.
pub fn effect(act: impl FnMut() + 'static) {
    run(Box::new(act));
}

fn run(mut act: Box<dyn FnMut()>) {
    effect::Effect::new(move |_: Option<()>| act());
}

/// Reads without being told of changes.
pub fn untrack<T>(read: impl FnOnce() -> T) -> T {
    graph::untrack(read)
}
