//! Changes that several handlers make.

pub mod member_removal;
