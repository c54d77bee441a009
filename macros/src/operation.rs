//! `#[operation]`: one function of one line becomes a declared operation.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Error, FnArg, Ident, ItemFn, LitStr, Pat, ReturnType, Token, Type};

struct Declaration {
    command: bool,
    name: LitStr,
    access: TokenStream,
    rate: TokenStream,
    audit: TokenStream,
    internal: bool,
}

impl Parse for Declaration {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let kind: Ident = input.parse()?;
        let command = match kind.to_string().as_str() {
            "command" => true,
            "query" => false,
            _ => {
                return Err(Error::new(kind.span(), "an operation is a `command` or a `query`"));
            }
        };
        input.parse::<Token![,]>()?;
        let name: LitStr = input.parse()?;
        let (mut access, mut rate, mut audit, mut internal) = (None, None, None, false);
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let key: Ident = input.parse()?;
            match key.to_string().as_str() {
                "internal" => internal = true,
                "access" => {
                    input.parse::<Token![=]>()?;
                    let value: Ident = input.parse()?;
                    access = Some(match value.to_string().as_str() {
                        "public" => quote!(Access::Public),
                        "signed_in" => quote!(Access::SignedIn),
                        _ => {
                            quote!(Access::Permission(::contract::permissions::Permission::#value))
                        }
                    });
                }
                "rate" => {
                    input.parse::<Token![=]>()?;
                    let value: Ident = input.parse()?;
                    rate = Some(quote!(RateClass::#value));
                }
                "audit" => {
                    input.parse::<Token![=]>()?;
                    let value: LitStr = input.parse()?;
                    audit = Some(quote!(Some(#value)));
                }
                _ => {
                    return Err(Error::new(key.span(), "expected `access`, `rate`, `audit` or `internal`"));
                }
            }
        }
        let access = access.ok_or_else(|| {
            Error::new(
                name.span(),
                "an operation needs `access = Permission` (or `signed_in`, or `public`): nothing is open by default",
            )
        })?;
        if command && audit.is_none() {
            return Err(Error::new(name.span(), "a command changes something: it needs `audit = \"room.happened\"`"));
        }
        if !name.value().contains('.') {
            return Err(Error::new(name.span(), "an operation is named `room.verb`"));
        }
        let rate = rate.unwrap_or_else(|| if command { quote!(RateClass::Write) } else { quote!(RateClass::Read) });
        Ok(Self { command, name, access, rate, audit: audit.unwrap_or_else(|| quote!(None)), internal })
    }
}

pub fn expand(arguments: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let Declaration { command, name, access, rate, audit, internal } = syn::parse2(arguments)?;
    let function: ItemFn = syn::parse2(item)?;
    if function.block.stmts.len() != 1 {
        return Err(Error::new(
            function.block.span(),
            "an operation is one line: the second line belongs in a service",
        ));
    }
    let docs: Vec<String> = function
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"))
        .filter_map(|attribute| match &attribute.meta {
            syn::Meta::NameValue(pair) => match &pair.value {
                syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value().trim().to_string()),
                _ => None,
            },
            _ => None,
        })
        .collect();
    if docs.is_empty() {
        return Err(Error::new(
            function.sig.ident.span(),
            "an operation needs a doc comment: it is its API documentation",
        ));
    }
    let doc = docs.join("\n");
    let inputs: Vec<_> = function.sig.inputs.iter().collect();
    let [FnArg::Typed(context), FnArg::Typed(argument)] = inputs.as_slice() else {
        return Err(Error::new(function.sig.span(), "an operation takes `(ctx: &Ctx, input: Input)`"));
    };
    let (Pat::Ident(context_name), Pat::Ident(input_name)) = (&*context.pat, &*argument.pat) else {
        return Err(Error::new(function.sig.span(), "an operation takes `(ctx: &Ctx, input: Input)`"));
    };
    let context: &Type = &context.ty;
    let input: &Type = &argument.ty;
    let ReturnType::Type(_, output) = &function.sig.output else {
        return Err(Error::new(function.sig.span(), "an operation returns its output type"));
    };
    let call = &function.sig.ident;
    // `CreateCall`, not `Create`: an input of the same name may be in scope.
    let operation = format_ident!("{}Call", camel(&call.to_string().replace("r#", "")));
    let body = &function.block;
    let path = LitStr::new(&format!("/api/v1/{}", name.value()), name.span());
    let kind = if command { quote!(Kind::Command) } else { quote!(Kind::Query) };
    let attributes = &function.attrs;

    Ok(quote! {
        #(#attributes)*
        #[derive(Debug, Clone, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(transparent)]
        pub struct #operation(pub #input);

        impl ::server_fn::ServerFn for #operation {
            const PATH: &'static str = #path;
            type Client = ::server_fn::client::browser::BrowserClient;
            type Server = crate::operation::Backend;
            type Protocol = ::server_fn::Http<::server_fn::codec::PostUrl, ::server_fn::codec::Json>;
            type Output = #output;
            type Error = crate::operation::Failure;
            type InputStreamError = crate::operation::Failure;
            type OutputStreamError = crate::operation::Failure;

            async fn run_body(self) -> Result<#output, crate::operation::Failure> {
                crate::operation::run_in_page::<Self>(self.0).await
            }

            #[cfg(feature = "hydrate")]
            async fn run_on_client(self) -> Result<#output, crate::operation::Failure> {
                crate::operation::ask::<Self>(self.0).await
            }
        }

        impl crate::operation::Call for #operation {
            type Input = #input;

            fn from_input(input: #input) -> Self {
                Self(input)
            }
        }

        #[cfg(feature = "ssr")]
        impl ::services::operation::Operation for #operation {
            type Input = #input;
            type Output = #output;

            fn spec() -> &'static ::services::operation::Spec {
                use ::services::operation::{Access, Kind, RateClass, Spec};
                static SPEC: Spec = Spec {
                    name: #name,
                    kind: #kind,
                    access: #access,
                    rate: #rate,
                    audit: #audit,
                    internal: #internal,
                    doc: #doc,
                };
                &SPEC
            }

            async fn run(#context_name: #context, #input_name: #input) -> Result<#output, ::services::Error> #body
        }

        #[cfg(feature = "ssr")]
        ::inventory::submit! { crate::operation::Declared::of::<#operation>() }

        #(#attributes)*
        pub async fn #call(input: #input) -> Result<#output, crate::operation::Failure> {
            crate::operation::call::<#operation>(input).await
        }
    })
}

fn camel(snake: &str) -> String {
    snake
        .split('_')
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
        })
        .collect()
}
