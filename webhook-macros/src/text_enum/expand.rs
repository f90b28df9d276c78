//! Expansion: how the enum is read, and how it is displayed.

use proc_macro2::TokenStream;
use quote::quote;

use super::check::TextEnum;
use crate::schema;
use crate::view::parse::Item;

pub(super) fn implementation(item: &Item, checked: &TextEnum, root: TokenStream) -> TokenStream {
    let root = item.settings.root.as_ref().map_or(root, |root| quote!(#root));
    let name = &item.input.ident;
    let (object, at, digest) =
        (checked.place.object, &checked.place.at, schema::digest(&checked.place.shape));
    let (variants, values): (Vec<_>, Vec<_>) =
        checked.variants.iter().map(|(variant, value)| (variant, value)).unzip();
    let other = &checked.other;
    let (impl_generics, type_generics, where_clause) = item.input.generics.split_for_impl();
    quote! {
        const _: () = {
            use #root::__private as __private;

            impl #impl_generics __private::FromStripe<__private::shape::Enum> for #name #type_generics #where_clause {
                const PLACES: &'static [__private::SchemaPath] =
                    &[__private::SchemaPath { object: #object, at: #at, digest: #digest }];

                fn read(json: __private::Json<'_>) -> __private::Result<Self, __private::DecodeError> {
                    let text = <__private::String as __private::FromStripe<__private::shape::Enum>>::read(json)?;
                    __private::Result::Ok(match text.as_str() {
                        #(#values => Self::#variants,)*
                        _ => Self::#other(text),
                    })
                }
            }

            impl #impl_generics __private::Display for #name #type_generics #where_clause {
                fn fmt(&self, f: &mut __private::Formatter<'_>) -> __private::FmtResult {
                    f.write_str(match self {
                        #(Self::#variants => #values,)*
                        Self::#other(text) => text,
                    })
                }
            }
        };
    }
}

/// Implementations that never run. They prevent further errors in a program that does not compile.
pub(super) fn stand_in(item: &Item, root: TokenStream) -> TokenStream {
    let root = item.settings.root.as_ref().map_or(root, |root| quote!(#root));
    let name = &item.input.ident;
    let (impl_generics, type_generics, where_clause) = item.input.generics.split_for_impl();
    quote! {
        const _: () = {
            use #root::__private as __private;

            impl #impl_generics __private::FromStripe<__private::shape::Enum> for #name #type_generics #where_clause {
                fn read(_: __private::Json<'_>) -> __private::Result<Self, __private::DecodeError> {
                    __private::unreachable!()
                }
            }

            impl #impl_generics __private::Display for #name #type_generics #where_clause {
                fn fmt(&self, _: &mut __private::Formatter<'_>) -> __private::FmtResult {
                    __private::unreachable!()
                }
            }
        };
    }
}
