//! Parsing: the derived item and its `#[stripe(…)]` attributes. Parsing continues after an error.

use proc_macro2::{Span, TokenStream};
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Attribute, DeriveInput, LitStr, Path};

use crate::diagnostics::{Diagnostics, did_you_mean};

/// The item, as it was written.
pub(crate) struct Item {
    pub(crate) input: DeriveInput,
    pub(crate) settings: Settings,
}

/// The content of `#[stripe(…)]`.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) object: Option<LitStr>,
    pub(crate) at: Option<LitStr>,
    pub(crate) path: Option<LitStr>,
    pub(crate) transparent: Option<Span>,
    pub(crate) previous: Option<Span>,
    /// Whether something could not be parsed. Then nothing is reported as missing.
    pub(crate) incomplete: bool,
    pub(crate) root: Option<Path>,
}

/// Parses the item. `allowed` are the keys that it can have.
pub(crate) fn item(tokens: TokenStream, allowed: &[&str], diagnostics: &mut Diagnostics) -> Option<Item> {
    match syn::parse2::<DeriveInput>(tokens) {
        Ok(input) => {
            let settings = Settings::parse(&input.attrs, allowed, diagnostics);
            Some(Item { input, settings })
        }
        Err(mistake) => {
            diagnostics.push(mistake);
            None
        }
    }
}

impl Settings {
    /// Reads all `#[stripe(…)]` among the attributes. `allowed` are the keys that can be used here.
    pub(crate) fn parse(attributes: &[Attribute], allowed: &[&str], diagnostics: &mut Diagnostics) -> Self {
        let mut settings = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("stripe")) {
            if let Err(mistake) = attribute.parse_nested_meta(|meta| settings.setting(&meta, allowed)) {
                diagnostics.push(mistake);
                settings.incomplete = true;
            }
        }
        settings
    }

    fn setting(&mut self, meta: &ParseNestedMeta<'_>, allowed: &[&str]) -> syn::Result<()> {
        let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        let repeated = match key.as_str() {
            _ if !allowed.contains(&key.as_str()) => return Err(unknown_key(meta, &key, allowed)),
            "object" => self.object.replace(text(meta, "object = \"payment_intent\"")?).is_some(),
            "at" => self.at.replace(text(meta, "at = \"amount_details.tip\"")?).is_some(),
            "path" => self.path.replace(text(meta, "path = \"metadata.order_id\"")?).is_some(),
            "rename" => self.path.replace(text(meta, "rename = \"type\"")?).is_some(),
            "crate" => self.root.replace(path(meta)?).is_some(),
            "previous" => self.previous.replace(alone(meta)?).is_some(),
            _ => self.transparent.replace(alone(meta)?).is_some(),
        };
        if repeated { Err(meta.error(format!("`{key}` is given twice: keep one"))) } else { Ok(()) }
    }

    /// Those of the keys that were given, with their spans.
    pub(crate) fn useless(&self, keys: &[&'static str]) -> Vec<(&'static str, Span)> {
        let span = |key: &str| match key {
            "object" => self.object.as_ref().map(LitStr::span),
            "at" => self.at.as_ref().map(LitStr::span),
            "previous" => self.previous,
            _ => self.transparent,
        };
        keys.iter().filter_map(|key| span(key).map(|span| (*key, span))).collect()
    }
}

fn text(meta: &ParseNestedMeta<'_>, example: &str) -> syn::Result<LitStr> {
    let value = meta.value().map_err(|_| meta.error(format!("this key needs a value: `{example}`")))?;
    value
        .parse()
        .map_err(|mistake| syn::Error::new(mistake.span(), format!("expected a string literal: `{example}`")))
}

fn path(meta: &ParseNestedMeta<'_>) -> syn::Result<Path> {
    const EXAMPLE: &str = "expected a path: `crate = my::webhook_core`";
    let value = meta.value().map_err(|_| meta.error(EXAMPLE))?;
    value.call(Path::parse_mod_style).map_err(|mistake| syn::Error::new(mistake.span(), EXAMPLE))
}

/// The span of a key without a value.
fn alone(meta: &ParseNestedMeta<'_>) -> syn::Result<Span> {
    if meta.input.is_empty() || meta.input.peek(syn::Token![,]) {
        return Ok(meta.path.span());
    }
    let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
    Err(meta.error(format!("`{key}` takes no value")))
}

fn unknown_key(meta: &ParseNestedMeta<'_>, key: &str, allowed: &[&str]) -> syn::Error {
    if allowed.is_empty() {
        return meta.error("`stripe` has no settings here: remove this");
    }
    let near = webhook_catalog::nearest(key, allowed.iter().copied());
    let all = format!("there are `{}`", allowed.join("`, `"));
    meta.error(format!("`stripe` has no `{key}` here{}", did_you_mean(&near, &all)))
}
