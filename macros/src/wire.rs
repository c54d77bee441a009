//! `#[wire]`: the derives of a type that crosses the network, in one word. A field marked `#[secret]` (a password, a
//! token, a key) never shows in debug output.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemStruct;

/// `arguments` are further derives: `#[wire(Eq, Copy)]`.
pub fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let more = if arguments.is_empty() { quote!() } else { quote!(, #arguments) };
    let (item, debug) = match syn::parse2::<ItemStruct>(item.clone()).map(redacted) {
        Ok(Some((item, debug))) => (quote!(#item), debug),
        _ => (quote!(#[derive(Debug)] #item), quote!()),
    };
    quote! {
        #[derive(Clone, PartialEq, ::serde::Serialize, ::serde::Deserialize #more)]
        #[cfg_attr(feature = "schema", derive(::utoipa::ToSchema))]
        #item
        #debug
    }
}

/// The struct without its `#[secret]` marks, and a `Debug` that leaves those fields out; none when nothing is marked.
fn redacted(mut item: ItemStruct) -> Option<(ItemStruct, TokenStream)> {
    let mut shown = Vec::new();
    let mut any = false;
    for field in &mut item.fields {
        let name = field.ident.clone()?;
        let before = field.attrs.len();
        field.attrs.retain(|attribute| !attribute.path().is_ident("secret"));
        let text = name.to_string();
        if field.attrs.len() == before {
            shown.push(quote!(.field(#text, &self.#name)));
        } else {
            any = true;
            shown.push(quote!(.field(#text, &"(secret)")));
        }
    }
    let (name, text) = (&item.ident, item.ident.to_string());
    let debug = quote! {
        impl ::core::fmt::Debug for #name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(#text)#(#shown)*.finish()
            }
        }
    };
    any.then_some((item, debug))
}
