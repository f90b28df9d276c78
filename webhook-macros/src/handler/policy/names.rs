//! The keys of `order(…)` and `retry(…)`, and what they are called elsewhere.

use syn::Ident;
use webhook_catalog::nearest;

/// A key inside an argument.
struct Key {
    argument: &'static str,
    name: &'static str,
    /// A value, as an example.
    example: &'static str,
    /// Names that other frameworks give it, or that an author may expect.
    elsewhere: &'static [&'static str],
}

const KEYS: [Key; 5] = [
    Key {
        argument: "order",
        name: "per",
        example: "\"customer\"",
        elsewhere: &["by", "group_by", "key", "order_by", "order_per", "partition_by", "partition_key"],
    },
    Key { argument: "order", name: "group", example: "\"subscription\"", elsewhere: &["order_group"] },
    Key {
        argument: "retry",
        name: "attempts",
        example: "12",
        elsewhere: &["max", "max_attempts", "max_retries", "max_tries", "retries", "times", "tries"],
    },
    Key {
        argument: "retry",
        name: "first_delay",
        example: "\"5s\"",
        elsewhere: &[
            "backoff",
            "delay",
            "first",
            "initial",
            "initial_backoff",
            "initial_delay",
            "initial_interval",
            "min_delay",
        ],
    },
    Key {
        argument: "retry",
        name: "max_delay",
        example: "\"1h\"",
        elsewhere: &["cap", "max_backoff", "max_interval"],
    },
];

/// The key that is meant by a name that belongs inside another argument, with that argument: `retry(attempts = …)`.
pub(in super::super) fn as_argument(name: &str) -> Option<String> {
    let key = KEYS.iter().find(|key| key.name == name || key.elsewhere.contains(&name))?;
    let value = if key.example.starts_with('"') { "\"…\"" } else { "…" };
    Some(format!("{}({} = {value})", key.argument, key.name))
}

/// Which key of an argument another name stands for.
pub(super) fn translated(argument: &str, name: &str) -> Option<&'static str> {
    let known = |key: &&Key| key.argument == argument && key.elsewhere.contains(&name);
    KEYS.iter().find(known).map(|key| key.name)
}

/// The error for a key that an argument does not have. It says which there are.
pub(super) fn unknown(argument: &str, key: &Ident, known: &[&'static str]) -> syn::Error {
    let name = key.to_string();
    let translated = translated(argument, &name).filter(|near| known.contains(near));
    let near = translated.or_else(|| nearest(&name, known.iter().copied()).first().copied());
    let (question, has) = match near {
        Some(near) => (format!("did you mean `{near}`? "), "It has"),
        None => (String::new(), "it has"),
    };
    let keys = KEYS.iter().filter(|key| key.argument == argument && known.contains(&key.name));
    let mut all: Vec<_> = keys.map(|key| format!("`{} = {}`", key.name, key.example)).collect();
    if argument == "order" {
        all.push("one of `serial`, `strict` and `unordered`".to_owned());
    }
    let last = all.pop().unwrap_or_default();
    let message = format!("`{argument}` has no `{name}`: {question}{has} {}, and {last}", all.join(", "));
    syn::Error::new(key.span(), message)
}
