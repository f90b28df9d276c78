//! How PostgreSQL reads and writes what the tables contain as numbers.

use std::error::Error;

use bytes::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use super::values::{Element, Typed};
use crate::store::columns::Numbered;
use crate::store::{AttemptOutcome, ParkReason, State};

/// Reads and writes values as `smallint`. Reading fails on a number that this program does not know.
macro_rules! as_numbers {
    ($($numbered:ty,)*) => {
        $(
            impl<'a> FromSql<'a> for $numbered {
                fn from_sql(sql: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
                    let number = i16::from_sql(sql, raw)?;
                    Self::of_number(number.into()).ok_or_else(|| format!("{number} is not known").into())
                }

                fn accepts(sql: &Type) -> bool {
                    <i16 as FromSql<'_>>::accepts(sql)
                }
            }

            impl ToSql for $numbered {
                fn to_sql(&self, sql: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
                    self.number().to_sql(sql, out)
                }

                fn accepts(sql: &Type) -> bool {
                    <i16 as ToSql>::accepts(sql)
                }

                to_sql_checked!();
            }

            impl Typed for $numbered {
                const TYPE: Type = <i16 as Typed>::TYPE;
            }

            impl Element for $numbered {
                const ARRAY: Type = <i16 as Element>::ARRAY;
            }
        )*
    };
}

as_numbers! {
    State,
    ParkReason,
    AttemptOutcome,
}
