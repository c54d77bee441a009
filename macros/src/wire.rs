//! `#[wire]`: the derives of a type that crosses the network, in one word.

use proc_macro2::TokenStream;
use quote::quote;

/// `arguments` are further derives: `#[wire(Eq, Copy)]`.
pub fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let more = if arguments.is_empty() { quote!() } else { quote!(, #arguments) };
    quote! {
        #[derive(Debug, Clone, PartialEq, ::serde::Serialize, ::serde::Deserialize #more)]
        #[cfg_attr(feature = "schema", derive(::utoipa::ToSchema))]
        #item
    }
}
