//! Parsing: what follows each key.

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Ident, LitStr, Token, token};
use webhook_catalog::nearest;

use super::super::parse::{Kind, each_argument, given_twice, text, upcoming, value_span};
use super::{OrderMode, Written, WrittenOrder, WrittenRetry, names};
use crate::diagnostics::Diagnostics;

const RETRY_EXAMPLE: &str = "`retry(attempts = 12, first_delay = \"5s\", max_delay = \"1h\")`";

const RETRY_KEYS: [&str; 3] = ["attempts", "first_delay", "max_delay"];

const MODES: [(&str, OrderMode); 3] =
    [("serial", OrderMode::Serial), ("strict", OrderMode::Strict), ("unordered", OrderMode::Unordered)];

impl Kind {
    fn order_example(self) -> &'static str {
        match self {
            Self::OnEvent => "`order(strict, per = \"customer\", group = \"subscription\")`",
            Self::OnUnhandled => "`order(strict, group = \"subscription\")`",
        }
    }

    fn order_keys(self) -> &'static [&'static str] {
        match self {
            Self::OnEvent => &["group", "per"],
            Self::OnUnhandled => &["group"],
        }
    }
}

impl Written {
    pub(in super::super) fn retry(
        &mut self,
        key: &Ident,
        input: ParseStream<'_>,
        diagnostics: &mut Diagnostics,
    ) -> syn::Result<()> {
        if !input.peek(token::Paren) {
            let message =
                format!("`retry` takes its settings in parentheses: write {RETRY_EXAMPLE}, or some of it");
            return Err(syn::Error::new(key.span(), message));
        }
        let inside;
        syn::parenthesized!(inside in input);
        if inside.is_empty() {
            let message = format!("`retry()` is empty: write {RETRY_EXAMPLE}, or some of it");
            return Err(syn::Error::new(key.span(), message));
        }
        let mut retry = WrittenRetry::default();
        each_argument(&inside, diagnostics, |_| retry.argument(&inside));
        if self.retry.replace(retry).is_some() { Err(given_twice(key)) } else { Ok(()) }
    }

    /// Reads `order(…)`, or its short form `order = strict`.
    pub(in super::super) fn order(
        &mut self,
        kind: Kind,
        key: &Ident,
        input: ParseStream<'_>,
        diagnostics: &mut Diagnostics,
    ) -> syn::Result<()> {
        let mut order = WrittenOrder { key: key.span(), mode: None, per: None, group: None };
        if input.parse::<Token![=]>().is_ok() {
            let all = "the value of `order` is `serial`, `strict` or `unordered`";
            let at = value_span(key, input);
            let written = upcoming(input).map_err(|_| syn::Error::new(at, all))?;
            order.mode = Some(mode(written, "order = ", all)?);
            input.call(Ident::parse_any)?;
        } else if input.peek(token::Paren) {
            let inside;
            syn::parenthesized!(inside in input);
            if inside.is_empty() {
                let message = format!("`order()` is empty: write {}, or some of it", kind.order_example());
                return Err(syn::Error::new(key.span(), message));
            }
            each_argument(&inside, diagnostics, |_| order.argument(kind, &inside));
        } else {
            let message =
                format!("`order` needs a value: write `order = strict`, or {}", kind.order_example());
            return Err(syn::Error::new(key.span(), message));
        }
        if self.order.replace(order).is_some() { Err(given_twice(key)) } else { Ok(()) }
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
        let Some(key) = setting_key(input, &RETRY_KEYS) else {
            let message = format!("expected a setting: write {RETRY_EXAMPLE}, or some of it");
            return Err(syn::Error::new_spanned(written, message));
        };
        input.call(Ident::parse_any)?;
        let name = key.to_string();
        if !RETRY_KEYS.contains(&&*name) {
            return Err(names::unknown("retry", &key, &RETRY_KEYS));
        }
        equals_sign(&key, input)?;
        let repeated = match name.as_str() {
            "attempts" => {
                let at = value_span(&key, input);
                let attempts = input.parse().map_err(|_| syn::Error::new(at, super::check::ATTEMPTS))?;
                self.attempts.replace(attempts).is_some()
            }
            "first_delay" => self.first_delay.replace(text(&key, "5s", input)?).is_some(),
            _ => self.max_delay.replace(text(&key, "1h", input)?).is_some(),
        };
        if repeated { Err(given_twice(&key)) } else { Ok(()) }
    }
}

impl WrittenOrder {
    fn argument(&mut self, kind: Kind, input: ParseStream<'_>) -> syn::Result<()> {
        let written = upcoming(input)?;
        let Some(key) = setting_key(input, &["group", "per"]) else {
            let all =
                format!("expected `serial`, `strict` or `unordered`, or a setting: {}", kind.order_example());
            let mode = mode(written.clone(), "", &all)?;
            input.call(Ident::parse_any)?;
            return match self.mode.replace(mode) {
                None => Ok(()),
                Some(_) => Err(syn::Error::new_spanned(written, "`order` has one mode: keep one")),
            };
        };
        input.call(Ident::parse_any)?;
        let name = key.to_string();
        let is_per = name == "per" || names::translated("order", &name) == Some("per");
        if kind == Kind::OnUnhandled && is_per {
            let message = "`#[on_unhandled]` takes objects of every type, which share no field to order by: \
                           use `#[on_event]` to name types";
            return Err(syn::Error::new(key.span(), message));
        }
        if !kind.order_keys().contains(&&*name) {
            return Err(names::unknown("order", &key, kind.order_keys()));
        }
        equals_sign(&key, input)?;
        let repeated = match name.as_str() {
            "per" => self.per.replace(text(&key, "customer", input)?).is_some(),
            _ => self.group.replace(text(&key, "subscription", input)?).is_some(),
        };
        if repeated { Err(given_twice(&key)) } else { Ok(()) }
    }
}

/// The next key, if a setting comes next: a word before `=`, or one of the keys.
fn setting_key(input: ParseStream<'_>, keys: &[&str]) -> Option<Ident> {
    let is_setting = input.peek(Ident::peek_any) && input.peek2(Token![=]);
    let key = input.fork().call(Ident::parse_any).ok()?;
    (is_setting || keys.iter().any(|known| key == known)).then_some(key)
}

fn equals_sign(key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    let message = format!("`{key}` needs a value: write `{key} = …`");
    input.parse::<Token![=]>().map(drop).map_err(|_| syn::Error::new(key.span(), message))
}

/// Reads an order's mode, which follows `before`. An error suggests the right spelling.
fn mode(written: TokenStream, before: &str, all: &str) -> syn::Result<OrderMode> {
    let (found, quoted) = match syn::parse2::<LitStr>(written.clone()) {
        Ok(text) => (text.value(), true),
        Err(_) => (bare(&written), false),
    };
    if !quoted && let Some((_, mode)) = MODES.iter().find(|(name, _)| *name == found) {
        return Ok(*mode);
    }
    // Such as `Strict` or `OrderMode::Strict`, the name in the registry.
    let last = found.rsplit(':').next().unwrap_or_default().to_lowercase();
    let message = match nearest(&last, MODES.map(|(name, _)| name)).first() {
        Some(near) if *near == last && quoted => format!("write `{before}{near}`, without quotes"),
        Some(near) if *near == last => format!("write `{before}{near}`"),
        Some(near) => format!("there is no order `{found}`: did you mean `{before}{near}`?"),
        None if quoted => format!("{all}, without quotes"),
        None => all.to_owned(),
    };
    Err(syn::Error::new_spanned(written, message))
}

fn bare(written: &TokenStream) -> String {
    written.to_string().split_whitespace().collect()
}
