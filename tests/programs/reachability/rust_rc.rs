// SPDX-License-Identifier: MIT
//! Objects that count their references and hold each other: one itself, two, three in a
//! circle, and a parent and child whose link back is weak and that are freed.

use std::cell::RefCell;
use std::mem;
use std::ptr;
use std::rc::{Rc, Weak};

struct Node {
    next: RefCell<Option<Rc<Node>>>,
    back: RefCell<Weak<Node>>,
    _bytes: [u8; 40],
}

/// The compiler must not know what a value is.
#[inline(never)]
fn opaque<T>(value: T) -> T {
    let copy = unsafe { ptr::read_volatile(&value) };
    mem::forget(value);
    copy
}

#[inline(never)]
fn node() -> Rc<Node> {
    opaque(Rc::new(Node {
        next: RefCell::new(None),
        back: RefCell::new(Weak::new()),
        _bytes: [0; 40],
    }))
}

#[inline(never)]
fn circle(count: usize) {
    let first = node();
    let mut last = first.clone();
    for _ in 1..count {
        let next = node();
        *last.next.borrow_mut() = Some(next.clone());
        last = next;
    }
    *last.next.borrow_mut() = Some(first);
}

#[inline(never)]
fn circle_of_one() {
    circle(opaque(1));
}

#[inline(never)]
fn circle_of_two() {
    circle(opaque(2));
}

#[inline(never)]
fn circle_of_three() {
    circle(opaque(3));
}

#[inline(never)]
fn broken_by_weak() {
    let parent = node();
    let child = node();
    *child.back.borrow_mut() = Rc::downgrade(&parent);
    *parent.next.borrow_mut() = Some(child);
}

/// What calls before have left on the stack must not look like a reference.
#[inline(never)]
fn scrub() {
    let mut pad = [0u8; 65536];
    opaque(&mut pad);
}

fn main() {
    circle_of_one();
    circle_of_two();
    circle_of_three();
    broken_by_weak();
    scrub();
}
