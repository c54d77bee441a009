//! The two declarations that everything else hangs from: `#[wire]` on a type that crosses the network, and
//! `#[operation]` on a function that others may call.

mod operation;
mod wire;

use proc_macro::TokenStream;

/// Derives what every wire type needs: JSON both ways, comparison, and an OpenAPI schema on the server side.
#[proc_macro_attribute]
pub fn wire(arguments: TokenStream, item: TokenStream) -> TokenStream {
    wire::expand(arguments.into(), item.into()).into()
}

/// Declares one operation: typed client call, form endpoint, JSON endpoint and OpenAPI entry from one function of one line.
///
/// `#[operation(command | query, "room.verb", access = public | signed_in | Permission, ...)]` where the rest is
/// `audit = "room.happened"` (commands), `rate = Class` (default: `Read` for queries, `Write` for commands) and `internal`.
/// A missing `access` does not compile: nothing is open by default.
#[proc_macro_attribute]
pub fn operation(arguments: TokenStream, item: TokenStream) -> TokenStream {
    operation::expand(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
