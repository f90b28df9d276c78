//! The types of the values that go into statements.
//!
//! Most statements are sent without being prepared, so each value must tell its type.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type};

/// A value that a statement takes.
pub(super) type Value<'v> = &'v (dyn SqlValue + Sync);

/// A value that shows nothing of itself: the driver logs those of prepared statements.
pub(super) struct Hidden<'v>(pub(super) Value<'v>);

impl fmt::Debug for Hidden<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl ToSql for Hidden<'_> {
    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql(&self, of: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.0.to_sql_checked(of, out)
    }

    fn to_sql_checked(&self, of: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.0.to_sql_checked(of, out)
    }
}

/// Something that can be written as a value.
pub(super) trait SqlValue: ToSql {
    /// The type that it has in the database.
    fn sql_type(&self) -> Type;
}

impl<T: ToSql + Typed> SqlValue for T {
    fn sql_type(&self) -> Type {
        T::TYPE
    }
}

/// A Rust type that has one type in the database.
pub(super) trait Typed {
    const TYPE: Type;
}

/// A type whose values can be in an array. Bytes cannot: several of them are one value.
pub(super) trait Element: Typed {
    const ARRAY: Type;
}

impl<T: Typed> Typed for Option<T> {
    const TYPE: Type = T::TYPE;
}

impl<T: Element> Element for Option<T> {
    const ARRAY: Type = T::ARRAY;
}

impl<T: Typed + ?Sized> Typed for &T {
    const TYPE: Type = T::TYPE;
}

impl<T: Element + ?Sized> Element for &T {
    const ARRAY: Type = T::ARRAY;
}

impl<T: Element> Typed for [T] {
    const TYPE: Type = T::ARRAY;
}

impl<T: Element> Typed for Vec<T> {
    const TYPE: Type = T::ARRAY;
}

/// Gives Rust types their type in the database, and that of an array of them.
macro_rules! typed {
    ($($rust:ty: $one:ident, $many:ident;)*) => {
        $(
            impl Typed for $rust {
                const TYPE: Type = Type::$one;
            }

            impl Element for $rust {
                const ARRAY: Type = Type::$many;
            }
        )*
    };
}

typed! {
    bool: BOOL, BOOL_ARRAY;
    i16: INT2, INT2_ARRAY;
    i32: INT4, INT4_ARRAY;
    i64: INT8, INT8_ARRAY;
    str: TEXT, TEXT_ARRAY;
    String: TEXT, TEXT_ARRAY;
    Cow<'_, str>: TEXT, TEXT_ARRAY;
    [u8]: BYTEA, BYTEA_ARRAY;
    Vec<u8>: BYTEA, BYTEA_ARRAY;
}
