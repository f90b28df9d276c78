//! Parsing: the derived item and its `#[stripe(…)]` attributes, each mistake noted and stepped over.

use proc_macro2::{Span, TokenStream};
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Attribute, DeriveInput, LitStr, Path};

use crate::mistakes::{Mistakes, did_you_mean};

/// The item as it was written.
pub(crate) struct Item {
    pub(crate) input: DeriveInput,
    pub(crate) settings: Settings,
}

/// What `#[stripe(…)]` says.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) object: Option<LitStr>,
    pub(crate) at: Option<LitStr>,
    pub(crate) path: Option<LitStr>,
    pub(crate) transparent: bool,
    pub(crate) previous: Option<Span>,
    /// Whether something could not be read: then nothing is said to be missing.
    pub(crate) incomplete: bool,
    pub(crate) root: Option<Path>,
}

pub(crate) fn item(tokens: TokenStream, mistakes: &mut Mistakes) -> Option<Item> {
    match syn::parse2::<DeriveInput>(tokens) {
        Ok(input) => {
            let settings = Settings::parse(
                &input.attrs,
                &["object", "at", "previous", "transparent", "crate"],
                mistakes,
            );
            Some(Item { input, settings })
        }
        Err(mistake) => {
            mistakes.push(mistake);
            None
        }
    }
}

impl Settings {
    /// Reads all `#[stripe(…)]` among the attributes; `allowed` are the keys that make sense here.
    pub(crate) fn parse(attributes: &[Attribute], allowed: &[&str], mistakes: &mut Mistakes) -> Self {
        let mut settings = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("stripe")) {
            if let Err(mistake) = attribute.parse_nested_meta(|meta| settings.setting(&meta, allowed)) {
                mistakes.push(mistake);
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
            "path" | "rename" => self.path.replace(text(meta, "path = \"metadata.order_id\"")?).is_some(),
            "crate" => self.root.replace(meta.value()?.call(Path::parse_mod_style)?).is_some(),
            "previous" => self.previous.replace(meta.path.span()).is_some(),
            _ => std::mem::replace(&mut self.transparent, true),
        };
        if repeated { Err(meta.error(format!("`{key}` is given twice: keep one"))) } else { Ok(()) }
    }
}

fn text(meta: &ParseNestedMeta<'_>, example: &str) -> syn::Result<LitStr> {
    let value = meta.value().map_err(|_| meta.error(format!("it needs a value: `{example}`")))?;
    value.parse().map_err(|mistake| {
        syn::Error::new(mistake.span(), format!("a string literal stands here: `{example}`"))
    })
}

fn unknown_key(meta: &ParseNestedMeta<'_>, key: &str, allowed: &[&str]) -> syn::Error {
    let near = webhook_catalog::nearest(key, allowed.iter().copied());
    let all = format!("there are `{}`", allowed.join("`, `"));
    meta.error(format!("`stripe` has no `{key}` here{}", did_you_mean(&near, &all)))
}
