//! Parsing: the attribute's arguments and the function, each mistake noted and stepped over.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Ident, ItemFn, LitStr, Path, Token};

use crate::mistakes::Mistakes;

/// Which of the attributes.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    OnEvent,
    OnUnhandled,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OnEvent => "on_event",
            Self::OnUnhandled => "on_unhandled",
        }
    }
}

/// The arguments as they were written.
pub(crate) struct Attribute {
    pub(crate) kind: Kind,
    pub(crate) events: Vec<LitStr>,
    pub(crate) id: Option<LitStr>,
    pub(crate) timeout: Option<LitStr>,
    pub(crate) root: Option<Path>,
}

const KEYS: [&str; 3] = ["crate", "id", "timeout"];

impl Attribute {
    pub(crate) fn parse(kind: Kind, arguments: TokenStream, mistakes: &mut Mistakes) -> Self {
        let mut attribute = Self { kind, events: Vec::new(), id: None, timeout: None, root: None };
        let parser = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(mistake) = attribute.argument(input) {
                    mistakes.push(mistake);
                    skip_argument(input);
                }
                if !input.is_empty()
                    && let Err(mistake) = input.parse::<Token![,]>()
                {
                    mistakes.add(mistake.span(), "arguments are separated by commas");
                    skip_argument(input);
                    let _ = input.parse::<Token![,]>();
                }
            }
            Ok(())
        };
        if let Err(mistake) = parser.parse2(arguments) {
            mistakes.push(mistake);
        }
        attribute
    }

    fn argument(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        if input.peek(LitStr) {
            let event: LitStr = input.parse()?;
            if self.kind == Kind::OnUnhandled {
                let message = "`#[on_unhandled]` takes every type that no handler names: \
                               use `#[on_event]` to name types";
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
        if input.peek(Ident::peek_any) && input.peek2(Token![=]) {
            let key = input.call(Ident::parse_any)?;
            input.parse::<Token![=]>()?;
            return self.setting(&key, input);
        }
        Err(not_an_argument(input))
    }

    fn setting(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        let name = key.to_string();
        let repeated = match name.as_str() {
            "id" => self.id.replace(text(key, input)?).is_some(),
            "timeout" => self.timeout.replace(text(key, input)?).is_some(),
            "crate" => self.root.replace(path(key, input)?).is_some(),
            _ => return Err(unknown_key(key)),
        };
        if repeated {
            return Err(syn::Error::new(key.span(), format!("`{name}` is given twice: keep one")));
        }
        Ok(())
    }
}

fn text(key: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let example = if key == "timeout" { "30s" } else { "orders.fulfil" };
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

/// Where the value stands, or the key if there is no value.
fn value_span(key: &Ident, input: ParseStream<'_>) -> Span {
    if input.is_empty() || input.peek(Token![,]) { key.span() } else { input.span() }
}

fn unknown_key(key: &Ident) -> syn::Error {
    let name = key.to_string();
    let known = match webhook_catalog::nearest(&name, KEYS).first() {
        Some(near) => format!("did you mean `{near}`?"),
        None => "there are `id = \"…\"`, `timeout = \"30s\"` and `crate = path`".to_owned(),
    };
    syn::Error::new(key.span(), format!("unknown argument `{name}`: {known}"))
}

/// Something that is neither a string nor a setting; most often an event type without its quotes.
fn not_an_argument(input: ParseStream<'_>) -> syn::Error {
    let mut written = TokenStream::new();
    let fork = input.fork();
    while !fork.is_empty() && !fork.peek(Token![,]) {
        match fork.parse::<TokenTree>() {
            Ok(token) => written.extend([token]),
            Err(mistake) => return mistake,
        }
    }
    if written.is_empty() {
        return syn::Error::new(input.span(), "there is nothing before this comma");
    }
    let bare: String = written.to_string().split_whitespace().collect();
    let is_name = bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'*'));
    let message = if is_name && bare.contains('.') {
        format!("an event type is a string literal: write \"{bare}\"")
    } else if let Some(key) =
        input.fork().call(Ident::parse_any).ok().filter(|key| KEYS.iter().any(|known| key == known))
    {
        format!("`{key}` needs a value: write `{key} = …`")
    } else {
        "here stands an event type such as \"payment_intent.succeeded\", or a setting such as `timeout = \"30s\"`"
            .to_owned()
    };
    syn::Error::new_spanned(written, message)
}

fn skip_argument(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        let _ = input.parse::<TokenTree>();
    }
}

/// Parses what the attribute stands on.
pub(crate) fn function(kind: Kind, item: TokenStream, mistakes: &mut Mistakes) -> Option<ItemFn> {
    let name = kind.name();
    let first =
        item.clone().into_iter().find(|token| !matches!(token, TokenTree::Punct(_) | TokenTree::Group(_)));
    match syn::parse2(item.clone()) {
        Ok(function) => Some(function),
        Err(_)
            if syn::parse2::<syn::TraitItemFn>(item.clone())
                .is_ok_and(|function| function.default.is_none()) =>
        {
            mistakes.add_on(first, format!("`#[{name}]` goes on a free function, and that has a body"));
            None
        }
        Err(_) if syn::parse2::<syn::ImplItemFn>(item.clone()).is_ok() => {
            mistakes.add_on(first, format!("`#[{name}]` goes on a free function, outside of any `impl`"));
            None
        }
        // A function that does not parse gets the compiler's own report; another item gets ours.
        Err(mistake) => {
            let is_item = syn::parse2::<syn::Item>(item).is_ok();
            let message = format!("`#[{name}]` goes on an `async fn`");
            if is_item {
                mistakes.add_on(first, message)
            } else {
                mistakes.push(mistake)
            }
            None
        }
    }
}
