//! Orders and payments, and all statements of the shop.

use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgPool, PgRow};
use sqlx::{FromRow, Row};
use thiserror::Error;

/// The most orders that are listed.
const LISTED: i64 = 100;

/// An order.
#[derive(Debug, Serialize)]
pub struct Order {
    pub id: String,
    pub item: String,
    /// In the currency's smallest unit.
    pub amount: i64,
    pub currency: String,
    /// `pending`, `paid` or `canceled`.
    pub status: String,
}

/// What a customer wants to buy. In a real shop, the price comes from the shop.
#[derive(Debug, Deserialize)]
pub struct NewOrder {
    pub item: String,
    pub amount: i64,
    pub currency: String,
}

/// A payment of a Checkout session, as Stripe reports it.
#[derive(Debug)]
pub struct Payment {
    pub session: String,
    pub order: String,
    pub amount: i64,
    pub currency: String,
}

/// Why a payment was not booked.
#[derive(Debug, Error)]
pub enum NotBooked {
    /// Trying again may help.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// Only a person can help: money has arrived that the shop did not expect.
    #[error("{0}")]
    Unexpected(String),
}

/// Creates the tables that are missing. A shop that grows has migrations instead.
pub async fn create_tables(database: &PgPool) -> sqlx::Result<()> {
    sqlx::raw_sql(include_str!("schema.sql")).execute(database).await?;
    Ok(())
}

/// Stores an order that is not paid yet.
pub async fn create(database: &PgPool, new: &NewOrder) -> sqlx::Result<Order> {
    sqlx::query_as(
        "INSERT INTO orders (item, amount, currency) VALUES ($1, $2, $3) RETURNING id, item, amount, currency, status",
    )
    .bind(&new.item)
    .bind(new.amount)
    .bind(&new.currency)
    .fetch_one(database)
    .await
}

/// Finds an order.
pub async fn find(database: &PgPool, id: &str) -> sqlx::Result<Option<Order>> {
    sqlx::query_as("SELECT id, item, amount, currency, status FROM orders WHERE id = $1")
        .bind(id)
        .fetch_optional(database)
        .await
}

/// Lists the newest orders.
pub async fn list(database: &PgPool) -> sqlx::Result<Vec<Order>> {
    sqlx::query_as(
        "SELECT id, item, amount, currency, status FROM orders ORDER BY created_at DESC, id LIMIT $1",
    )
    .bind(LISTED)
    .fetch_all(database)
    .await
}

/// Books a payment and marks its order as paid, exactly once: a second call with the same session changes nothing.
///
/// # Errors
///
/// Fails if the database fails, or if the payment is not what the order says.
pub async fn book(database: &PgPool, payment: &Payment) -> Result<(), NotBooked> {
    let unexpected = |what: &str| Err(NotBooked::Unexpected(what.to_owned()));
    let mut transaction = database.begin().await?;
    // The lock lets a run on another event of the same session see what this one has done.
    let order: Option<(i64, String, String, Option<String>)> =
        sqlx::query_as("SELECT amount, currency, status, session FROM orders WHERE id = $1 FOR UPDATE")
            .bind(&payment.order)
            .fetch_optional(&mut *transaction)
            .await?;
    let Some((amount, currency, status, session)) = order else {
        return unexpected("there is no such order");
    };
    if status == "paid" {
        return if session.as_ref() == Some(&payment.session) {
            Ok(())
        } else {
            unexpected("the order was already paid, by another session: refund one of the payments")
        };
    }
    if status != "pending" {
        return unexpected("the order was canceled: refund the payment");
    }
    if (amount, &currency) != (payment.amount, &payment.currency) {
        return unexpected("the amount paid is not the amount of the order");
    }
    sqlx::query("INSERT INTO payments (order_id, session, amount, currency) VALUES ($1, $2, $3, $4)")
        .bind(&payment.order)
        .bind(&payment.session)
        .bind(payment.amount)
        .bind(&payment.currency)
        .execute(&mut *transaction)
        .await?;
    sqlx::query("UPDATE orders SET status = 'paid', session = $2 WHERE id = $1")
        .bind(&payment.order)
        .bind(&payment.session)
        .execute(&mut *transaction)
        .await?;
    Ok(transaction.commit().await?)
}

/// Cancels an order that is still pending. The statement can be repeated, so it needs no transaction.
pub async fn cancel(database: &PgPool, order: &str, session: &str) -> sqlx::Result<()> {
    sqlx::query("UPDATE orders SET status = 'canceled', session = $2 WHERE id = $1 AND status = 'pending'")
        .bind(order)
        .bind(session)
        .execute(database)
        .await?;
    Ok(())
}

/// By hand, because sqlx's derive macros are left out.
impl FromRow<'_, PgRow> for Order {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            item: row.try_get("item")?,
            amount: row.try_get("amount")?,
            currency: row.try_get("currency")?,
            status: row.try_get("status")?,
        })
    }
}
