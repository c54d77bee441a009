//! The class names of the style sheet, as constants.
//!
//! `css/<component>.css` holds one component. The build script scopes it with stylers, so `.head` in `css/card.css` matches
//! only elements that carry `s-card` too, and writes all files as one sheet, `target/css/canopy.css`. For each class it
//! declares a constant with the scope in it: `style::card::HEAD` is `"s-card head"`. A class that no file declares does not
//! compile, and server and browser write the same names because nothing in them is random.

include!(concat!(env!("OUT_DIR"), "/classes.rs"));

#[cfg(test)]
#[path = "../sheet.rs"]
mod sheet;

#[cfg(test)]
mod contrast;
