//! Parsing: what follows each key.

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Ident, LitStr, Token, token};
use webhook_catalog::nearest;

use super::super::parse::{each_argument, given_twice, text, upcoming, value_span};
use super::{Order, Written, WrittenRetry};
use crate::mistakes::Mistakes;

const EXAMPLE: &str = "`retry(max = 12, first = \"5s\", cap = \"1h\")`";

const RETRY_KEYS: [&str; 3] = ["cap", "first", "max"];

impl Written {
    pub(in super::super) fn retry(
        &mut self,
        key: &Ident,
        input: ParseStream<'_>,
        mistakes: &mut Mistakes,
    ) -> syn::Result<()> {
        if !input.peek(token::Paren) {
            let message = format!("`retry` has its settings in parentheses: write {EXAMPLE}, or some of it");
            return Err(syn::Error::new(key.span(), message));
        }
        let inside;
        syn::parenthesized!(inside in input);
        if inside.is_empty() {
            let message = format!("`retry()` says nothing: write {EXAMPLE}, or some of it");
            return Err(syn::Error::new(key.span(), message));
        }
        let mut retry = WrittenRetry::default();
        each_argument(&inside, mistakes, |_| retry.argument(&inside));
        if self.retry.replace(retry).is_some() { Err(given_twice(key)) } else { Ok(()) }
    }

    pub(in super::super) fn reply(&mut self, key: Ident, input: ParseStream<'_>) -> syn::Result<()> {
        if !input.is_empty() && !input.peek(Token![,]) {
            return Err(syn::Error::new(key.span(), "`reply` has no value: write `reply`, or leave it out"));
        }
        let twice = given_twice(&key);
        if self.reply.replace(key).is_some() { Err(twice) } else { Ok(()) }
    }
}

impl WrittenRetry {
    fn argument(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let written = upcoming(input)?;
        let is_setting = input.peek(Ident::peek_any) && input.peek2(Token![=]);
        let key = input.fork().call(Ident::parse_any).ok();
        match key {
            Some(key) if is_setting || RETRY_KEYS.iter().any(|known| key == known) => {
                input.call(Ident::parse_any)?;
                self.setting(&key, input)
            }
            _ => {
                let message = format!("here stands a setting: write {EXAMPLE}, or some of it");
                Err(syn::Error::new_spanned(written, message))
            }
        }
    }

    fn setting(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        let name = key.to_string();
        if !RETRY_KEYS.contains(&&*name) {
            let known = match nearest(&name, RETRY_KEYS).first() {
                Some(near) => format!("did you mean `{near}`?"),
                None => "there are `max = 12`, `first = \"5s\"` and `cap = \"1h\"`".to_owned(),
            };
            return Err(syn::Error::new(key.span(), format!("`retry` has no `{name}`: {known}")));
        }
        if input.parse::<Token![=]>().is_err() {
            return Err(syn::Error::new(key.span(), format!("`{name}` needs a value: write `{name} = …`")));
        }
        let repeated = match name.as_str() {
            "max" => {
                let at = value_span(key, input);
                let max = input.parse().map_err(|_| syn::Error::new(at, super::check::MAX))?;
                self.max.replace(max).is_some()
            }
            "first" => self.first.replace(text(key, "5s", input)?).is_some(),
            _ => self.cap.replace(text(key, "1h", input)?).is_some(),
        };
        if repeated { Err(given_twice(key)) } else { Ok(()) }
    }
}

/// Reads the value of `order`; what is nearly one gets the right spelling.
pub(in super::super) fn order(key: &Ident, input: ParseStream<'_>) -> syn::Result<(Ident, Order)> {
    const KNOWN: [(&str, Order); 3] =
        [("none", Order::Unordered), ("serial", Order::Serial), ("strict", Order::Strict)];
    let all = "the value of `order` is `serial`, `strict` or `none`";

    let at = value_span(key, input);
    let written = upcoming(input).map_err(|_| syn::Error::new(at, all))?;
    let (found, quoted) = match syn::parse2::<LitStr>(written.clone()) {
        Ok(text) => (text.value(), true),
        Err(_) => (bare(&written), false),
    };
    if !quoted && let Some((_, order)) = KNOWN.iter().find(|(name, _)| *name == found) {
        input.call(Ident::parse_any)?;
        return Ok((key.clone(), *order));
    }
    // Such as `Strict` or `Order::Strict`, as the type in the registry is written.
    let last = found.rsplit(':').next().unwrap_or_default().to_lowercase();
    let message = match nearest(&last, KNOWN.map(|(name, _)| name)).first() {
        Some(near) if *near == last && quoted => format!("write `order = {near}`, without quotes"),
        Some(near) if *near == last => format!("write `order = {near}`"),
        Some(near) => format!("there is no order `{found}`: did you mean `order = {near}`?"),
        None => format!("{all}, without quotes"),
    };
    Err(syn::Error::new_spanned(written, message))
}

fn bare(written: &TokenStream) -> String {
    written.to_string().split_whitespace().collect()
}
