//! Expansion: how the type reads itself. It contains calls; the logic is in `webhook_core::__private`.

mod field;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use super::check::{Kind, ViewField};
use super::parse::Item;
use crate::schema::{self, SchemaPath};
use field::{constant_of, is_generic, shape_of};

pub(super) fn implementation(item: &Item, kind: &Kind, root: TokenStream) -> TokenStream {
    let root = item.settings.root.as_ref().map_or(root, |root| quote!(#root));
    let body = match kind {
        Kind::Transparent { inner } => transparent(item, inner),
        Kind::Union { variants } => union(item, variants),
        Kind::View { place, fields } => view(item, place, fields),
    };
    quote! {
        const _: () = {
            use #root::__private as __private;
            #body
        };
    }
}

/// Implementations that never run. They prevent further errors in a program that does not compile.
pub(super) fn stand_in(item: &Item, root: TokenStream) -> TokenStream {
    let root = item.settings.root.as_ref().map_or(root, |root| quote!(#root));
    let name = &item.input.ident;
    let mut generics = item.input.generics.clone();
    let mut payload = generics.clone();
    payload.make_where_clause().predicates.push(syn::parse_quote!(Self: __private::Sendable));
    let (payload_generics, type_generics, payload_clause) = payload.split_for_impl();
    generics.params.push(syn::parse_quote!(__Shape: __private::Shape));
    let (read_generics, _, where_clause) = generics.split_for_impl();
    let (impl_generics, ..) = item.input.generics.split_for_impl();
    let is_previous = item.settings.previous.map(
        |_| quote!(impl #impl_generics __private::PreviousView for #name #type_generics #where_clause {}),
    );
    quote! {
        const _: () = {
            use #root::__private as __private;

            #is_previous

            impl #read_generics __private::FromStripe<__Shape> for #name #type_generics #where_clause {
                fn read(_: __private::Json<'_>) -> __private::Result<Self, __private::DecodeError> {
                    __private::unreachable!()
                }
            }

            impl #impl_generics __private::View for #name #type_generics #where_clause {
                fn read_object(
                    _: __private::Json<'_>,
                    _: &'static [&'static ::core::primitive::str],
                ) -> __private::Result<Self, __private::DecodeError> {
                    __private::unreachable!()
                }
            }

            impl #payload_generics __private::Payload for #name #type_generics #payload_clause {
                fn decode(_: &__private::RawJson) -> __private::Result<Self, __private::DecodeError> {
                    __private::unreachable!()
                }
            }
        };
    }
}

fn transparent(item: &Item, inner: &Type) -> TokenStream {
    let name = &item.input.ident;
    let mut generics = item.input.generics.clone();
    generics.params.push(syn::parse_quote!(ReadShape: __private::Shape));
    generics.make_where_clause().predicates.push(syn::parse_quote!(#inner: __private::FromStripe<ReadShape>));
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (_, type_generics, _) = item.input.generics.split_for_impl();
    quote! {
        impl #impl_generics __private::FromStripe<ReadShape> for #name #type_generics #where_clause {
            const PLACES: &'static [__private::SchemaPath] = <#inner as __private::FromStripe<ReadShape>>::PLACES;
            const OPTIONAL: ::core::primitive::bool = <#inner as __private::FromStripe<ReadShape>>::OPTIONAL;

            fn read(json: __private::Json<'_>) -> __private::Result<Self, __private::DecodeError> {
                <#inner as __private::FromStripe<ReadShape>>::read(json).map(Self)
            }

            fn absent() -> __private::Option<Self> {
                <#inner as __private::FromStripe<ReadShape>>::absent().map(Self)
            }

            fn read_part(
                json: __private::Json<'_>,
            ) -> __private::Result<__private::Option<Self>, __private::DecodeError> {
                <#inner as __private::FromStripe<ReadShape>>::read_part(json).map(|inner| inner.map(Self))
            }
        }
    }
}

fn union(item: &Item, variants: &[(Ident, Type)]) -> TokenStream {
    let name = &item.input.ident;
    let text = name.to_string();
    let (impl_generics, type_generics, where_clause) = item.input.generics.split_for_impl();
    let mut before = Vec::new();
    let mut named: Vec<Ident> = Vec::new();
    let described: Vec<_> = variants
        .iter()
        .enumerate()
        .map(|(at, (_, ty))| {
            let variant = quote_spanned!(ty.span()=> __private::variant::<#ty>());
            if is_generic(ty, &item.input.generics) {
                return variant;
            }
            let constant = format_ident!("__VARIANT_{at}");
            before.push(quote!(const #constant: __private::Variant<#ty> = #variant;));
            let earlier = named.iter();
            before.push(quote_spanned! {ty.span()=>
                const _: () = __private::assert_variant(#constant.place, &[#(#earlier.place),*]);
            });
            named.push(constant.clone());
            quote!(#constant)
        })
        .collect();
    let sparse_fields =
        schema::sparse_fields_of(described.iter().map(|variant| quote!(#variant.sparse_fields)), true);
    let names = variants.iter().map(|(name, _)| name);
    let positions = 0..variants.len();
    quote! {
        #(#before)*

        impl #impl_generics __private::Payload for #name #type_generics #where_clause {
            const NAME: &'static ::core::primitive::str = #text;
            const OBJECTS: &'static [&'static ::core::primitive::str] = &[#(#described.place.object),*];
            #sparse_fields

            fn decode(object: &__private::RawJson) -> __private::Result<Self, __private::DecodeError> {
                <Self as __private::FromStripe<__private::shape::Object>>::read(object.json())
            }
        }

        impl #impl_generics __private::FromStripe<__private::shape::Object> for #name #type_generics #where_clause {
            const PLACES: &'static [__private::SchemaPath] = &[#(#described.place),*];

            fn read(json: __private::Json<'_>) -> __private::Result<Self, __private::DecodeError> {
                let [name] = __private::find::<(), 1>(json, &["object"])?;
                let at = __private::object_position(name, <Self as __private::Payload>::OBJECTS)?;
                #(
                    if at == #positions {
                        return (#described.read)(json).map(Self::#names);
                    }
                )*
                __private::unreachable!()
            }
        }
    }
}

/// A constant describes each field and names its type once, so an error in the type is reported once, at the type, with a
/// message about this field. A type that contains the view's own parameters cannot be used in a constant; it becomes a
/// bound on the parameters instead.
fn view(item: &Item, place: &SchemaPath, fields: &[ViewField]) -> TokenStream {
    let name = &item.input.ident;
    let text = name.to_string();
    let mut generics = item.input.generics.clone();
    let constants: Vec<_> = (0..fields.len()).map(|at| format_ident!("__FIELD_{at}")).collect();
    let mut firsts: Vec<&str> = Vec::new();
    let (mut before, mut values, mut required) = (Vec::new(), Vec::new(), Vec::new());
    for (field, constant) in fields.iter().zip(&constants) {
        let (ident, ty) = (&field.name, &field.ty);
        let path = &field.found.steps;
        let at = position(&mut firsts, &path[0]);
        let described = if is_generic(ty, &item.input.generics) {
            let shape = shape_of(field);
            let reads = format_ident!("{}", if field.found.partial { "ReadsPrevious" } else { "FromStripe" });
            let bound = quote_spanned!(ty.span()=> #ty: __private::#reads<#shape>);
            generics.make_where_clause().predicates.push(syn::parse_quote!(#bound));
            quote!(__private::field::<#shape, #ty>())
        } else {
            before.push(constant_of(name, place, field, constant));
            quote!(#constant)
        };
        if place.at.is_empty() && schema::is_lacking(place.object, &path[0]) {
            required.push((&*path[0], quote!(#described.is_optional)));
        }
        values.push(quote!(#ident: #described.read_at(found[#at], &[#(#path),*])?));
    }
    let object_at = position(&mut firsts, "object");
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (_, type_generics, _) = item.input.generics.split_for_impl();
    let (object, at, digest) = (place.object, &place.at, schema::digest(&place.shape));
    let sparse_fields = schema::sparse_fields(place.object, &required, "use `Option<…>`");
    let of_payload =
        schema::sparse_fields_of([quote!(<Self as __private::View>::SPARSE_FIELDS)], !required.is_empty());
    // The data of a thin event, which is named by the event's type, does not say what it is.
    let is_data = webhook_catalog::find(object).is_some();
    let expected = if is_data { quote!(&[]) } else { quote!(Self::OBJECTS) };
    let payload = place.at.is_empty().then(|| {
        let paths = fields.iter().map(|field| &field.path);
        let mut payload = generics.clone();
        payload.make_where_clause().predicates.push(syn::parse_quote!(Self: __private::Sendable));
        let (_, _, where_clause) = payload.split_for_impl();
        quote! {
            impl #impl_generics __private::Payload for #name #type_generics #where_clause {
                const NAME: &'static ::core::primitive::str = #text;
                const OBJECTS: &'static [&'static ::core::primitive::str] = &[#object];
                const FIELDS: &'static [&'static ::core::primitive::str] = &[#(#paths),*];
                #of_payload

                fn decode(object: &__private::RawJson) -> __private::Result<Self, __private::DecodeError> {
                    <Self as __private::View>::read_object(object.json(), #expected)
                }
            }
        }
    });
    let previous = item.settings.previous.is_some();
    let is_previous = previous.then(|| {
        // Lints treat tokens at the view's name as the user's code, and reject a path to a name that is in scope.
        let imported = quote!(
            use __private::PreviousView as __PreviousView;
        );
        let objects = place.at.is_empty().then(|| {
            quote! {
                const PREVIOUS_OF: &'static [&'static ::core::primitive::str] = &[#object];
            }
        });
        quote_spanned! {name.span()=>
            #imported

            impl #impl_generics __PreviousView for #name #type_generics #where_clause {
                #objects
            }
        }
    });
    // In previous attributes a view reads a partial object, and whole objects in an array.
    let shapes = previous.then(|| quote!(PartialObject)).into_iter().chain([quote!(Object)]);
    let reads = shapes.map(|shape| {
        quote! {
            impl #impl_generics __private::FromStripe<__private::shape::#shape> for #name #type_generics #where_clause {
                const PLACES: &'static [__private::SchemaPath] =
                    &[__private::SchemaPath { object: #object, at: #at, digest: #digest }];

                fn read(json: __private::Json<'_>) -> __private::Result<Self, __private::DecodeError> {
                    <Self as __private::View>::read_object(json, &[])
                }
            }
        }
    });
    quote! {
        #(#before)*
        #is_previous
        #(#reads)*

        impl #impl_generics __private::View for #name #type_generics #where_clause {
            #sparse_fields

            fn read_object(
                json: __private::Json<'_>,
                expected: &'static [&'static ::core::primitive::str],
            ) -> __private::Result<Self, __private::DecodeError> {
                let found = __private::find::<Self, _>(json, &[#(#firsts),*])?;
                if !expected.is_empty() {
                    __private::object_position(found[#object_at], expected)?;
                }
                __private::Result::Ok(Self { #(#values),* })
            }
        }

        #payload
    }
}

/// The position of a name in a list. Adds the name if it is missing.
fn position<'n>(names: &mut Vec<&'n str>, name: &'n str) -> usize {
    names.iter().position(|known| *known == name).unwrap_or_else(|| {
        names.push(name);
        names.len() - 1
    })
}
