//! One field of a view: the constant that describes it, and the error if its type cannot read it.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{GenericParam, Generics, Type};

use crate::contains_word;
use crate::schema::{self, SchemaPath};
use crate::view::check::ViewField;

pub(super) fn shape_of(field: &ViewField) -> TokenStream {
    let marker = schema::marker_of(&field.found);
    if field.found.may_be_missing() { quote!(__private::shape::Maybe<#marker>) } else { marker }
}

pub(super) fn constant_of(
    view: &Ident,
    place: &SchemaPath,
    field: &ViewField,
    constant: &Ident,
) -> TokenStream {
    let ty = &field.ty;
    let shape = shape_of(field);
    let (message, note) = sentences(place, field);
    // A unique name, because the compiler mentions other traits of the same name.
    let reads = format_ident!("{view}_reads_{}", field.name.unraw());
    // A trait's constant and not a bound, which the compiler would show, too.
    let described = quote_spanned!(ty.span()=> <#ty as #reads>::FIELD);
    let places = schema::places(place, &field.path, &field.found.shape);
    let owner = format!("`{}` of `{}`", field.path, place.name());
    let agreed = (!places.is_empty()).then(|| {
        quote_spanned! {ty.span()=>
            const _: () = __private::assert_place(#owner, #constant.places, &[#(#places),*]);
        }
    });
    quote! {
        const #constant: __private::Field<#ty> = {
            #[allow(non_camel_case_types, reason = "it is never written by hand")]
            #[diagnostic::on_unimplemented(message = #message, label = "`{Self}` cannot read it", note = #note)]
            trait #reads: ::core::marker::Sized {
                const FIELD: __private::Field<Self>;
            }

            #[diagnostic::do_not_recommend]
            impl<T: __private::FromStripe<#shape>> #reads for T {
                const FIELD: __private::Field<T> = __private::field::<#shape, T>();
            }

            #described
        };
        #agreed
    }
}

/// The message and the note for a type that cannot read the field.
fn sentences(place: &SchemaPath, field: &ViewField) -> (String, String) {
    let (path, owner, found) = (&field.path, place.name(), &field.found);
    let (is, readers) = (schema::in_words(&found.shape), schema::readers_of(found));
    let remark = schema::remark(place, path, found);
    let missing = match (found.nullable, found.optional) {
        _ if found.partial => "can be missing, as any previous attribute can".to_owned(),
        (false, false) => String::new(),
        (null, absent) => schema::missing_in_words(place, path, found).unwrap_or_else(|| {
            let words = match (null, absent) {
                (true, true) => "can be null or absent",
                (true, false) => "can be null",
                _ => "can be absent",
            };
            words.to_owned()
        }),
    };
    let is = is + &schema::shapes_in_words(place, path);
    let reader = if missing.is_empty() { readers } else { format!("Option<{readers}>") };
    // The type's spelling only selects the message; the trait decides whether the type fits.
    let message = match schema::part_in_words(found) {
        Some(part) => format!("`{path}` of `{owner}` is {part}"),
        None if missing.is_empty() || is_option(&field.ty) => format!("`{path}` of `{owner}` is {is}"),
        None => format!("`{path}` of `{owner}` {missing}: use `Option<…>`"),
    };
    let note = if found.partial || missing.is_empty() {
        format!("read it as `{reader}`{remark}")
    } else {
        format!("it is {is}, and {missing}: read it as `{reader}`{remark}")
    };
    // Braces are placeholders in these texts.
    (message.replace(['{', '}'], "|"), note.replace(['{', '}'], "|"))
}

fn is_option(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == "Option"))
}

pub(super) fn is_generic(ty: &Type, generics: &Generics) -> bool {
    contains_word(ty.to_token_stream(), &|word| {
        generics.params.iter().any(|param| match param {
            GenericParam::Type(param) => param.ident == *word,
            GenericParam::Const(param) => param.ident == *word,
            GenericParam::Lifetime(_) => false,
        })
    })
}
