//! Elements, as small as they can be: made at once, and what of them depends on signals is set anew when these change.
//!
//! Leptos's own views are generic over every attribute and child, and weighed a quarter of the page (docs/adr/0015). Here everything of one
//! kind is one type. What an element listens to and depends on ends with the owner it was made under. Text is text: nothing here reads markup.

mod each;

pub use each::each;

use crate::reactive::{Memo, RwSignal};
use js_sys::Reflect;
use reactive_graph::effect::RenderEffect;
use reactive_graph::owner::{Owner, on_cleanup};
use send_wrapper::SendWrapper;
use std::marker::PhantomData;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DocumentFragment, Element, Event, EventTarget, HtmlElement, Node, Window};

pub fn window() -> Window {
    // A page without a window is none.
    web_sys::window().unwrap_or_else(|| JsValue::UNDEFINED.unchecked_into())
}

pub fn document() -> web_sys::Document {
    window().document().unwrap_or_else(|| JsValue::UNDEFINED.unchecked_into())
}

/// Something ends with the owner that is at work.
fn keep<T: 'static>(held: T) {
    let held = SendWrapper::new(held);
    on_cleanup(move || drop(held));
}

/// Does something now, and again whenever what it depends on has changed.
fn again(act: Box<dyn Fn()>) {
    keep(RenderEffect::new(move |_: Option<()>| act()));
}

/// An element under construction, or done: it is there from the beginning.
#[derive(Clone)]
pub struct El(Element);

/// An element of HTML.
pub fn el(tag: &str) -> El {
    El(document().create_element(tag).unwrap_or_else(|_| JsValue::UNDEFINED.unchecked_into()))
}

/// An element of SVG.
pub fn drawn(tag: &str) -> El {
    El(document()
        .create_element_ns(Some("http://www.w3.org/2000/svg"), tag)
        .unwrap_or_else(|_| JsValue::UNDEFINED.unchecked_into()))
}

macro_rules! tags {
    ($make:ident: $($name:ident = $tag:literal),+) => {
        $(#[must_use] pub fn $name() -> El { $make($tag) })+
    };
}

tags!(el: a = "a", b = "b", button = "button", code = "code", dd = "dd", details = "details", dialog = "dialog", div = "div", dl = "dl", dt = "dt",
    fieldset = "fieldset", figcaption = "figcaption", figure = "figure", form = "form", h1 = "h1", h2 = "h2", h3 = "h3", header = "header", i = "i",
    input = "input", kbd = "kbd", label = "label", legend = "legend", li = "li", main = "main", nav = "nav", ol = "ol", option = "option", p = "p",
    pre = "pre", progress = "progress", section = "section", select = "select", span = "span", summary = "summary", table = "table", tbody = "tbody",
    td = "td", textarea = "textarea", th = "th", thead = "thead", time = "time", tr = "tr", ul = "ul");
tags!(drawn: path = "path", rect = "rect", svg = "svg", svg_text = "text", svg_title = "title");

impl El {
    pub fn node(&self) -> &Element {
        &self.0
    }

    pub fn html(&self) -> &HtmlElement {
        self.0.unchecked_ref()
    }

    pub fn id(self, id: &str) -> Self {
        self.0.set_id(id);
        self
    }

    pub fn class(self, class: &str) -> Self {
        _ = self.0.set_attribute("class", class);
        self
    }

    /// A class that is there as long as something holds.
    pub fn class_if(self, class: &'static str, holds: impl Fn() -> bool + 'static) -> Self {
        let list = self.0.class_list();
        again(Box::new(move || drop(list.toggle_with_force(class, holds()))));
        self
    }

    pub fn attr(self, name: &'static str, value: impl Value) -> Self {
        let element = self.0.clone();
        value.give(Box::new(move |value| {
            _ = match value {
                Some(value) => element.set_attribute(name, &value),
                None => element.remove_attribute(name),
            };
        }));
        self
    }

    /// What is in a field.
    pub fn value(self, value: impl Value) -> Self {
        let element = self.0.clone();
        value.give(Box::new(move |value| {
            let (name, value) = (JsValue::from_str("value"), JsValue::from_str(&value.unwrap_or_default()));
            // To set what is there already would move the cursor.
            if Reflect::get(&element, &name).ok().as_ref() != Some(&value) {
                _ = Reflect::set(&element, &name, &value);
            }
        }));
        self
    }

    /// A property that holds or does not: `checked`, `disabled`, `selected`.
    pub fn flag(self, name: &'static str, holds: impl Fn() -> bool + 'static) -> Self {
        let element = self.0.clone();
        again(Box::new(move || drop(Reflect::set(&element, &JsValue::from_str(name), &JsValue::from_bool(holds())))));
        self
    }

    /// A custom property of the style.
    pub fn style(self, name: &'static str, value: impl Fn() -> String + 'static) -> Self {
        let style = self.html().style();
        again(Box::new(move || drop(style.set_property(name, &value()))));
        self
    }

    pub fn on<E: JsCast + 'static>(self, event: Ev<E>, act: impl FnMut(E) + 'static) -> Self {
        keep(Listening::to(&self.0, event, act));
        self
    }

    pub fn child(self, kids: impl Kids) -> Self {
        kids.put(&self.0);
        self
    }
}

/// The name of an event, and what it brings.
pub struct Ev<E>(&'static str, PhantomData<E>);

macro_rules! events {
    ($($name:ident: $type:ident = $text:literal),+) => {
        pub mod ev {
            $(pub const $name: super::Ev<web_sys::$type> = super::Ev($text, std::marker::PhantomData);)+
        }
    };
}

events!(BEFORE_TOGGLE: Event = "beforetoggle", CHANGE: Event = "change", CLICK: MouseEvent = "click", CLOSE: Event = "close", DRAG_LEAVE: DragEvent = "dragleave",
    DRAG_OVER: DragEvent = "dragover", DRAG_START: DragEvent = "dragstart", DROP: DragEvent = "drop", INPUT: Event = "input", KEY_DOWN: KeyboardEvent = "keydown",
    ONLINE: Event = "online", POP_STATE: Event = "popstate", SCROLL: Event = "scroll", SUBMIT: SubmitEvent = "submit");

/// Listens until it is dropped.
struct Listening {
    target: EventTarget,
    name: &'static str,
    act: Closure<dyn FnMut(Event)>,
}

impl Listening {
    fn to<E: JsCast + 'static>(target: &EventTarget, event: Ev<E>, mut act: impl FnMut(E) + 'static) -> Self {
        let act = Closure::<dyn FnMut(Event)>::wrap(Box::new(move |event: Event| act(event.unchecked_into())));
        _ = target.add_event_listener_with_callback(event.0, act.as_ref().unchecked_ref());
        Self { target: target.clone(), name: event.0, act }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        _ = self.target.remove_event_listener_with_callback(self.name, self.act.as_ref().unchecked_ref());
    }
}

/// Listens on the window as long as the owner that is at work.
pub fn on_window<E: JsCast + 'static>(event: Ev<E>, act: impl FnMut(E) + 'static) {
    keep(Listening::to(&window(), event, act));
}

/// What was typed, or chosen.
pub fn value_of(event: &Event) -> String {
    let value = event.target().and_then(|target| Reflect::get(&target, &JsValue::from_str("value")).ok());
    value.and_then(|value| value.as_string()).unwrap_or_default()
}

/// Whether a box is checked.
pub fn is_checked(event: &Event) -> bool {
    let checked = event.target().and_then(|target| Reflect::get(&target, &JsValue::from_str("checked")).ok());
    checked.is_some_and(|checked| checked.is_truthy())
}

/// Whether the browser has this here: much is missing where the page is not secure, and some of it on phones.
pub fn has(object: &JsValue, name: &str) -> bool {
    Reflect::get(object, &JsValue::from_str(name)).is_ok_and(|value| !value.is_undefined())
}

/// Before the next picture is drawn.
pub fn next_frame(act: impl FnOnce() + 'static) {
    _ = window().request_animation_frame(Closure::once_into_js(act).unchecked_ref());
}

/// What an attribute can have; none: the attribute is not there.
pub trait Fixed: 'static {
    fn text(self) -> Option<String>;
}

/// A value that is fixed, or depends on signals.
pub trait Value {
    fn give(self, set: Box<dyn Fn(Option<String>)>);
}

macro_rules! fixed {
    ($($type:ty),+) => {
        $(impl Fixed for $type {
            fn text(self) -> Option<String> {
                Some(self.to_string())
            }
        }
        impl Value for $type {
            fn give(self, set: Box<dyn Fn(Option<String>)>) {
                set(self.text());
            }
        }
        impl Kids for $type {
            fn put(self, to: &Node) {
                put_text(&self.to_string(), to);
            }
        })+
    };
}

fixed!(&'static str, String, usize, u64, u32, i32);

impl<T: Fixed> Fixed for Option<T> {
    fn text(self) -> Option<String> {
        self.and_then(T::text)
    }
}

impl<T: Fixed> Value for Option<T> {
    fn give(self, set: Box<dyn Fn(Option<String>)>) {
        set(self.text());
    }
}

impl<F: Fn() -> T + 'static, T: Fixed> Value for F {
    fn give(self, set: Box<dyn Fn(Option<String>)>) {
        again(Box::new(move || set(self().text())));
    }
}

macro_rules! signals {
    ($($signal:ident<$type:ty>),+) => {
        $(impl Value for $signal<$type> {
            fn give(self, set: Box<dyn Fn(Option<String>)>) {
                again(Box::new(move || set(self.get().text())));
            }
        }
        impl Kids for $signal<$type> {
            fn put(self, to: &Node) {
                (move || self.get()).put(to);
            }
        })+
    };
}

signals!(RwSignal<String>, Memo<String>, Memo<usize>, Memo<u64>);

/// What can be in an element.
pub trait Kids {
    fn put(self, to: &Node);
}

fn put_text(text: &str, to: &Node) {
    _ = to.append_child(&document().create_text_node(text));
}

impl Kids for El {
    fn put(self, to: &Node) {
        _ = to.append_child(&self.0);
    }
}

impl Kids for () {
    fn put(self, _: &Node) {}
}

impl<K: Kids> Kids for Option<K> {
    fn put(self, to: &Node) {
        if let Some(kids) = self {
            kids.put(to);
        }
    }
}

impl<K: Kids> Kids for Vec<K> {
    fn put(self, to: &Node) {
        self.into_iter().for_each(|kid| kid.put(to));
    }
}

macro_rules! tuples {
    ($($name:ident)+) => {
        impl<$($name: Kids),+> Kids for ($($name,)+) {
            fn put(self, to: &Node) {
                #[allow(non_snake_case, reason = "named as their types are")]
                let ($($name,)+) = self;
                $($name.put(to);)+
            }
        }
    };
}

tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);

/// Children of whatever kind.
pub struct Any(Box<dyn FnOnce(&Node)>);

/// Makes them all of one kind, for branches that differ.
pub fn any(kids: impl Kids + 'static) -> Any {
    Any(Box::new(move |to| kids.put(to)))
}

impl Kids for Any {
    fn put(self, to: &Node) {
        (self.0)(to);
    }
}

impl<F: Fn() -> K + 'static, K: Kids> Kids for F {
    fn put(self, to: &Node) {
        put_changing(Box::new(move |to| self().put(to)), to);
    }
}

/// Two marks, between which something changes.
fn marks(to: &Node) -> (Node, Node) {
    let mark = || document().create_comment("").unchecked_into::<Node>();
    let (start, end) = (mark(), mark());
    _ = to.append_child(&start);
    _ = to.append_child(&end);
    (start, end)
}

fn put_changing(make: Box<dyn Fn(&Node)>, to: &Node) {
    let (start, end) = marks(to);
    again(Box::new(move || {
        let made: DocumentFragment = document().create_document_fragment();
        make(&made);
        let Some(parent) = end.parent_node() else { return };
        while let Some(old) = start.next_sibling().filter(|old| *old != end) {
            _ = parent.remove_child(&old);
        }
        _ = parent.insert_before(&made, Some(&end));
    }));
}

/// Shows the page, for as long as there is one.
pub fn mount(page: impl FnOnce() -> Any) {
    let owner = Owner::new();
    if let Some(body) = document().body() {
        owner.with(|| page().put(&body));
    }
    std::mem::forget(owner);
}
