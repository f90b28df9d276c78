//! Expansion: a struct for each object with all its fields, and a module of structs for its nested objects.

use std::collections::HashMap;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use webhook_catalog::{Field, Shape};

use super::parse::Module;
use crate::schema;

pub(super) fn module(module: &Module, names: &[&'static str], root: TokenStream) -> TokenStream {
    let objects = names.iter().map(|name| Writer::new(name, names).object());
    let (attributes, visibility, name) = (&module.attributes, &module.visibility, &module.name);
    let doc = (!attributes.iter().any(|attribute| attribute.path().is_ident("doc"))).then(|| {
        let text = format!(" Objects of Stripe's API, version {}.", webhook_catalog::enabled_names());
        quote!(#[doc = #text])
    });
    quote! {
        #doc
        #(#attributes)*
        #[allow(dead_code, reason = "a program reads only some of the fields")]
        #visibility mod #name {
            use #root::__private as __private;

            #(#objects)*
        }
    }
}

/// Writes one object and its nested objects.
struct Writer<'n> {
    name: &'static str,
    /// All objects that the program named. References to other objects are untyped.
    named: &'n [&'static str],
    nested: Vec<TokenStream>,
    /// The structs already written, by name and digest. Equal shapes with the same name share a struct.
    written: HashMap<(String, u64), Ident>,
}

impl<'n> Writer<'n> {
    fn new(name: &'static str, named: &'n [&'static str]) -> Self {
        Self { name, named, nested: Vec::new(), written: HashMap::new() }
    }

    fn object(mut self) -> TokenStream {
        let fields = webhook_catalog::object(self.name).map_or(&[][..], |object| &object.fields);
        let (object, name) = (self.name, pascal_case(self.name));
        let doc = format!(" Stripe's `{object}`.");
        let written = self.structure(&format_ident!("{name}"), &doc, "", fields, &quote!());
        let module = Ident::new_raw(&object.replace('.', "_"), Span::call_site());
        let nested = &self.nested;
        let nested_doc = format!(" Objects nested in [`{name}`].");
        let module = (!nested.is_empty()).then(|| {
            quote! {
                #[doc = #nested_doc]
                pub mod #module {
                    use super::__private;

                    #(#nested)*
                }
            }
        });
        let ident = format_ident!("{name}");
        let of_payload = schema::sparse_fields_of(
            [quote!(<Self as __private::View>::SPARSE_FIELDS)],
            fields.iter().any(|field| self.is_lacking(field)),
        );
        quote! {
            #written

            impl __private::Payload for #ident {
                const NAME: &'static ::core::primitive::str = #name;
                const OBJECTS: &'static [&'static ::core::primitive::str] = &[#object];
                #of_payload

                fn decode(object: &__private::RawJson) -> __private::Result<Self, __private::DecodeError> {
                    <Self as __private::View>::read_object(object.json(), Self::OBJECTS)
                }
            }

            #module
        }
    }

    /// Writes a struct and its implementations. `up` leads from its module to the objects' module.
    fn structure(
        &mut self,
        name: &Ident,
        doc: &str,
        at: &str,
        fields: &[Field],
        up: &TokenStream,
    ) -> TokenStream {
        let mut declared = Vec::new();
        let mut values = Vec::new();
        let names: Vec<_> = fields.iter().map(|field| field.name).collect();
        for (position, field) in fields.iter().enumerate() {
            let ident = Ident::new_raw(field.name, Span::call_site());
            let ident = if syn::parse_str::<Ident>(field.name).is_ok() {
                format_ident!("{}", field.name)
            } else {
                ident
            };
            let path = if at.is_empty() { field.name.to_owned() } else { format!("{at}.{}", field.name) };
            let missing = field.nullable || field.optional;
            let (ty, shape) = (self.ty(&path, &field.shape, up), schema::marker(&field.shape));
            let ty = if missing { quote!(__private::Option<#ty>) } else { ty };
            let shape = if missing { quote!(__private::shape::Maybe<#shape>) } else { shape };
            let doc = describe(field);
            declared.push(quote! {
                #[doc = #doc]
                pub #ident: #ty
            });
            let key = field.name;
            values.push(quote!(#ident: __private::read_field::<#shape, #ty>(found[#position], #key)?));
        }
        let (object, digest) = (self.name, schema::digest(&Shape::Nested(fields.to_vec())));
        let object_at = names.iter().position(|name| *name == "object");
        let check = object_at.filter(|_| at.is_empty()).map(|object_at| {
            quote! {
                if !expected.is_empty() {
                    __private::object_position(found[#object_at], expected)?;
                }
            }
        });
        let required: Vec<_> = fields
            .iter()
            .filter(|field| at.is_empty() && self.is_lacking(field))
            .map(|field| (field.name, quote!(false)))
            .collect();
        let cure = "read this event with your own view, in which the field is an `Option<…>`";
        let sparse_fields = schema::sparse_fields(object, &required, cure);
        quote! {
            #[doc = #doc]
            #[derive(Clone, Debug)]
            #[non_exhaustive]
            pub struct #name {
                #(#declared,)*
            }

            impl __private::FromStripe<__private::shape::Object> for #name {
                const PLACES: &'static [__private::SchemaPath] =
                    &[__private::SchemaPath { object: #object, at: #at, digest: #digest }];

                fn read(json: __private::Json<'_>) -> __private::Result<Self, __private::DecodeError> {
                    <Self as __private::View>::read_object(json, &[])
                }
            }

            impl __private::View for #name {
                #sparse_fields

                fn read_object(
                    json: __private::Json<'_>,
                    expected: &'static [&'static ::core::primitive::str],
                ) -> __private::Result<Self, __private::DecodeError> {
                    let _ = expected;
                    let found = __private::find::<Self, _>(json, &[#(#names),*])?;
                    let _ = found;
                    #check
                    __private::Result::Ok(Self { #(#values,)* })
                }
            }
        }
    }

    /// Tells whether some event lacks a field that the struct requires.
    fn is_lacking(&self, field: &Field) -> bool {
        !field.optional && !field.nullable && schema::is_lacking(self.name, field.name)
    }

    fn ty(&mut self, path: &str, shape: &Shape, up: &TokenStream) -> TokenStream {
        match shape {
            Shape::Array(inner) => {
                let inner = self.ty(path, inner, up);
                quote!(__private::Vec<#inner>)
            }
            Shape::List(inner) => {
                let inner = self.ty(path, inner, up);
                quote!(__private::List<#inner>)
            }
            Shape::Map(inner) => {
                let inner = self.ty(path, inner, up);
                quote!(__private::BTreeMap<__private::String, #inner>)
            }
            Shape::Expandable(inner) => {
                let inner = self.ty(path, inner, up);
                quote!(__private::Expandable<#inner>)
            }
            Shape::Boolean | Shape::Literal("true" | "false") => quote!(::core::primitive::bool),
            Shape::Float => quote!(::core::primitive::f64),
            Shape::Integer | Shape::IntegerText => quote!(::core::primitive::i64),
            Shape::Timestamp => quote!(__private::Timestamp),
            Shape::Nested(fields) => {
                let name = self.nest(path, fields);
                let module = format_ident!("{}", self.name.replace('.', "_"));
                if up.is_empty() { quote!(#module::#name) } else { quote!(#name) }
            }
            Shape::Object(names) => {
                let alive: Vec<_> = names.iter().filter(|name| !name.starts_with("deleted_")).collect();
                match alive.as_slice() {
                    [one] if self.named.contains(one) => {
                        let name = format_ident!("{}", pascal_case(one));
                        quote!(__private::Box<#up #name>)
                    }
                    _ => quote!(__private::Value),
                }
            }
            Shape::Any => quote!(__private::Value),
            _ => quote!(__private::String),
        }
    }

    /// Writes the struct of a nested object, once.
    fn nest(&mut self, path: &str, fields: &[Field]) -> Ident {
        let last = path.rsplit('.').next().unwrap_or(path).to_owned();
        let key = (last, schema::digest(&Shape::Nested(fields.to_vec())));
        if let Some(name) = self.written.get(&key) {
            return name.clone();
        }
        let name = format_ident!("{}", pascal_case(path));
        self.written.insert(key, name.clone());
        let doc = format!(" `{path}` of `{}`.", self.name);
        let written = self.structure(&name, &doc, path, fields, &quote!(super::));
        self.nested.push(written);
        name
    }
}

/// What the catalog says about a field, as its doc comment.
fn describe(field: &Field) -> String {
    let values = match schema::element(&field.shape) {
        Shape::Enum(values) => values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", "),
        _ => String::new(),
    };
    let what = match &field.shape {
        Shape::Enum(_) => format!("one of {values}"),
        _ if values.is_empty() => field.shape.to_string(),
        other => format!("{} of {values}", if matches!(other, Shape::Array(_)) { "array" } else { "list" }),
    };
    let missing = match (field.nullable, field.optional) {
        (true, true) => "; can be null or absent",
        (true, false) => "; can be null",
        (false, true) => "; can be absent",
        (false, false) => "",
    };
    format!(" {what}{missing}")
}

/// `checkout.session` is `CheckoutSession`, `amount_details.tip` is `AmountDetailsTip`.
fn pascal_case(name: &str) -> String {
    name.split(['.', '_'])
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        })
        .collect()
}
