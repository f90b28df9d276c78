//! The shop's own routes. They have nothing to do with Stripe.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use sqlx::PgPool;
use thiserror::Error;

use crate::orders::{self, NewOrder, Order};

/// The routes of the shop.
pub fn routes(database: PgPool) -> Router {
    Router::new()
        .route("/orders", get(list).post(create))
        .route("/orders/{id}", get(show))
        .with_state(database)
}

/// Creates an order. A real shop creates a Checkout session with the order's id as `client_reference_id` here, and returns
/// its URL.
async fn create(
    State(database): State<PgPool>,
    Json(new): Json<NewOrder>,
) -> Result<(StatusCode, Json<Order>), Failure> {
    if new.amount <= 0 {
        return Err(Failure::Invalid("`amount` must be greater than 0"));
    }
    if new.currency.len() != 3 || !new.currency.bytes().all(|letter| letter.is_ascii_lowercase()) {
        return Err(Failure::Invalid("`currency` must have three lower-case letters"));
    }
    let order = orders::create(&database, &new).await?;
    Ok((StatusCode::CREATED, Json(order)))
}

/// Lists the newest orders. In a real shop, only its staff may see them.
async fn list(State(database): State<PgPool>) -> Result<Json<Vec<Order>>, Failure> {
    Ok(Json(orders::list(&database).await?))
}

/// Shows an order.
async fn show(State(database): State<PgPool>, Path(id): Path<String>) -> Result<Json<Order>, Failure> {
    orders::find(&database, &id).await?.map(Json).ok_or(Failure::NotFound)
}

/// Why a request was not answered with a success.
#[derive(Debug, Error)]
enum Failure {
    #[error("there is no such order")]
    NotFound,
    #[error("{0}")]
    Invalid(&'static str),
    #[error("the shop cannot reach its database")]
    Unavailable(#[source] sqlx::Error),
    #[error("the shop failed")]
    Internal(#[source] sqlx::Error),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
                Self::Unavailable(error)
            }
            error => Self::Internal(error),
        }
    }
}

/// The customer sees the sentence; the log has the cause.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if let Self::Unavailable(error) | Self::Internal(error) = &self {
            tracing::error!(%error, "{self}");
        }
        (status, Json(json!({ "error": self.to_string() }))).into_response()
    }
}
