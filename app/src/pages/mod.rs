//! The screens, a file each, by the room they belong to.
