//! Parsing: the attribute's arguments and the function. Parsing continues after an error.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Ident, ItemFn, LitStr, Path, Token};

use super::{policy, unlisted};
use crate::diagnostics::Diagnostics;

/// Which of the attributes.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    OnEvent,
    OnUnhandled,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OnEvent => "on_event",
            Self::OnUnhandled => "on_unhandled",
        }
    }
}

/// The arguments as they were written.
pub(super) struct Attribute {
    pub(super) kind: Kind,
    pub(super) events: Vec<LitStr>,
    /// Types that the catalog does not list.
    pub(super) unlisted: Vec<LitStr>,
    pub(super) id: Option<LitStr>,
    pub(super) endpoint: Option<LitStr>,
    pub(super) policy: policy::Written,
    pub(super) root: Option<Path>,
}

impl Attribute {
    pub(super) fn parse(kind: Kind, arguments: TokenStream, diagnostics: &mut Diagnostics) -> Self {
        let mut attribute = Self {
            kind,
            events: Vec::new(),
            unlisted: Vec::new(),
            id: None,
            endpoint: None,
            policy: policy::Written::default(),
            root: None,
        };
        let parser = |input: ParseStream<'_>| {
            each_argument(input, diagnostics, |diagnostics| attribute.argument(input, diagnostics));
            Ok(())
        };
        if let Err(mistake) = parser.parse2(arguments) {
            diagnostics.push(mistake);
        }
        attribute
    }

    fn argument(&mut self, input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<()> {
        if input.peek(LitStr) {
            let event: LitStr = input.parse()?;
            if self.kind == Kind::OnUnhandled {
                let message = "`#[on_unhandled]` takes every type that no handler names: \
                               use `#[on_event]` to name event types";
                return Err(syn::Error::new(event.span(), message));
            }
            if !event.suffix().is_empty() {
                return Err(syn::Error::new(
                    event.span(),
                    "an event type is a plain string, without a suffix",
                ));
            }
            self.events.push(event);
            return Ok(());
        }
        match key_of(input).as_deref() {
            Some("retry") => return self.policy.retry(&input.call(Ident::parse_any)?, input, diagnostics),
            Some("order") => {
                let key = input.call(Ident::parse_any)?;
                return self.policy.order(self.kind, &key, input, diagnostics);
            }
            Some("unlisted") if self.kind == Kind::OnEvent => {
                let key = input.call(Ident::parse_any)?;
                self.unlisted.extend(unlisted::parse(&key, input, diagnostics)?);
                return Ok(());
            }
            Some("reply") if self.kind == Kind::OnEvent => {
                return self.policy.reply(input.call(Ident::parse_any)?, input);
            }
            _ => {}
        }
        if input.peek(Ident::peek_any) && input.peek2(Token![=]) {
            let key = input.call(Ident::parse_any)?;
            input.parse::<Token![=]>()?;
            return self.setting(&key, input);
        }
        Err(self.kind.not_an_argument(input))
    }

    fn setting(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        let name = key.to_string();
        if let Some(refusal) = self.kind.refusal(&name) {
            return Err(syn::Error::new(key.span(), refusal));
        }
        let repeated = match name.as_str() {
            "id" => self.id.replace(text(key, "orders.fulfil", input)?).is_some(),
            "endpoint" => self.endpoint.replace(text(key, "connect", input)?).is_some(),
            "timeout" => self.policy.timeout.replace(text(key, "30s", input)?).is_some(),
            "crate" => self.root.replace(path(key, input)?).is_some(),
            _ => return Err(self.kind.unknown_key(key)),
        };
        if repeated { Err(given_twice(key)) } else { Ok(()) }
    }
}

/// The next word, which is not consumed.
fn key_of(input: ParseStream<'_>) -> Option<String> {
    input.fork().call(Ident::parse_any).ok().map(|key| key.to_string())
}

/// Parses arguments separated by commas, up to the end. Collects the errors and continues after each.
pub(super) fn each_argument(
    input: ParseStream<'_>,
    diagnostics: &mut Diagnostics,
    mut argument: impl FnMut(&mut Diagnostics) -> syn::Result<()>,
) {
    while !input.is_empty() {
        if let Err(mistake) = argument(diagnostics) {
            diagnostics.push(mistake);
            skip_argument(input);
        }
        if !input.is_empty()
            && let Err(mistake) = input.parse::<Token![,]>()
        {
            diagnostics.add(mistake.span(), "arguments are separated by commas");
            skip_argument(input);
            let _ = input.parse::<Token![,]>();
        }
    }
}

pub(super) fn given_twice(key: &Ident) -> syn::Error {
    syn::Error::new(key.span(), format!("`{key}` is given twice: keep one"))
}

pub(super) fn text(key: &Ident, example: &str, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let at = value_span(key, input);
    input.parse().map_err(|_| {
        let message = format!("the value of `{key}` is a string literal, such as `{key} = \"{example}\"`");
        syn::Error::new(at, message)
    })
}

fn path(key: &Ident, input: ParseStream<'_>) -> syn::Result<Path> {
    let at = value_span(key, input);
    input.call(Path::parse_mod_style).map_err(|_| {
        syn::Error::new(at, format!("the value of `{key}` is a path, such as `{key} = my::webhook_core`"))
    })
}

/// The span of the value, or of the key if there is no value.
pub(super) fn value_span(key: &Ident, input: ParseStream<'_>) -> Span {
    if input.is_empty() || input.peek(Token![,]) { key.span() } else { input.span() }
}

impl Kind {
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::OnEvent => &["crate", "endpoint", "id", "order", "reply", "retry", "timeout", "unlisted"],
            Self::OnUnhandled => &["crate", "endpoint", "id", "order", "retry", "timeout"],
        }
    }

    /// Why the attribute does not have an argument that the other attribute has.
    fn refusal(self, key: &str) -> Option<&'static str> {
        match (self, key) {
            (Self::OnUnhandled, "unlisted") => Some(
                "`#[on_unhandled]` takes every type that no handler names, unlisted ones too: remove this",
            ),
            (Self::OnUnhandled, "reply") => Some(
                "Stripe waits for the answer to few event types only: name them in `#[on_event]` to reply to them",
            ),
            _ => None,
        }
    }

    fn unknown_key(self, key: &Ident) -> syn::Error {
        let name = key.to_string();
        let known = match (
            policy::as_argument(&name),
            webhook_catalog::nearest(&name, self.keys().iter().copied()).first(),
        ) {
            (Some(whole), _) => format!("did you mean `{whole}`?"),
            (None, Some(near)) => format!("did you mean `{near}`?"),
            (None, None) => {
                let of_events = if self == Self::OnEvent { ", `reply`" } else { "" };
                format!(
                    "there are `id = \"…\"`, `endpoint = \"…\"`, `timeout = \"30s\"`, `retry(…)`, `order(…)`{of_events} \
                     and `crate = path`"
                )
            }
        };
        syn::Error::new(key.span(), format!("unknown argument `{name}`: {known}"))
    }

    /// The error for something that is neither a string nor a setting, most often an event type without its quotes.
    fn not_an_argument(self, input: ParseStream<'_>) -> syn::Error {
        let written = match upcoming(input) {
            Ok(written) => written,
            Err(mistake) => return mistake,
        };
        let bare: String = written.to_string().split_whitespace().collect();
        let is_name =
            bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'*'));
        let key = key_of(input).unwrap_or_default();
        let words = ["reply", "retry", "unlisted"].into_iter().filter(|word| self.keys().contains(word));
        let message = if let Some(refusal) = self.refusal(&key) {
            refusal.to_owned()
        } else if is_name && bare.contains('.') {
            format!("an event type is a string literal: write \"{bare}\"")
        } else if self.keys().contains(&&*key) {
            format!("`{key}` needs a value: write `{key} = …`")
        } else if let Some(near) = webhook_catalog::nearest(&key, words).first() {
            format!("unknown argument `{key}`: did you mean `{near}`?")
        } else {
            "expected an event type such as \"payment_intent.succeeded\", or a setting such as `timeout = \"30s\"`"
                .to_owned()
        };
        syn::Error::new_spanned(written, message)
    }
}

/// The tokens up to the next comma.
///
/// # Errors
///
/// Fails if there are none.
pub(super) fn upcoming(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let mut written = TokenStream::new();
    let fork = input.fork();
    while !fork.is_empty() && !fork.peek(Token![,]) {
        written.extend([fork.parse::<TokenTree>()?]);
    }
    if written.is_empty() {
        return Err(syn::Error::new(input.span(), "there is nothing before this comma"));
    }
    Ok(written)
}

fn skip_argument(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        let _ = input.parse::<TokenTree>();
    }
}

/// Parses the item under the attribute.
pub(super) fn function(kind: Kind, item: TokenStream, diagnostics: &mut Diagnostics) -> Option<ItemFn> {
    let name = kind.name();
    let first =
        item.clone().into_iter().find(|token| !matches!(token, TokenTree::Punct(_) | TokenTree::Group(_)));
    match syn::parse2(item.clone()) {
        Ok(function) => Some(function),
        Err(_)
            if syn::parse2::<syn::TraitItemFn>(item.clone())
                .is_ok_and(|function| function.default.is_none()) =>
        {
            diagnostics.add_on(first, format!("`#[{name}]` goes on a free function with a body"));
            None
        }
        Err(_) if syn::parse2::<syn::ImplItemFn>(item.clone()).is_ok() => {
            diagnostics.add_on(first, format!("`#[{name}]` goes on a free function, outside of any `impl`"));
            None
        }
        // For a function that does not parse, the compiler's own error is shown; for another item, ours.
        Err(mistake) => {
            let is_item = syn::parse2::<syn::Item>(item).is_ok();
            let message = format!("`#[{name}]` goes on an `async fn`");
            if is_item {
                diagnostics.add_on(first, message)
            } else {
                diagnostics.push(mistake)
            }
            None
        }
    }
}
