//! Paths, such as `amount_details.tip.amount` and `metadata.Order No.`.

use crate::Shape;

impl Shape {
    /// Splits the first step from a path that continues in a value of this shape, and returns it with the rest.
    ///
    /// Steps are separated by dots. A map of simple values has only one level, so the rest of the path is its key, dots
    /// included: `Order No.` in `metadata.Order No.`.
    pub fn step<'p>(&self, path: &'p str) -> (&'p str, Option<&'p str>) {
        match self {
            Self::Map(value) if !value.has_inside() => (path, None),
            _ => path.split_once('.').map_or((path, None), |(step, left)| (step, Some(left))),
        }
    }

    fn has_inside(&self) -> bool {
        matches!(
            self,
            Self::Any
                | Self::Array(_)
                | Self::Expandable(_)
                | Self::List(_)
                | Self::Map(_)
                | Self::Nested(_)
                | Self::Object(_)
        )
    }
}

/// Tells whether a text can be a key of `metadata`: 1 to 40 characters without square brackets.
/// (<https://docs.stripe.com/metadata#data>)
pub fn is_metadata_key(key: &str) -> bool {
    (1..=40).contains(&key.chars().count()) && !key.contains(['[', ']'])
}
