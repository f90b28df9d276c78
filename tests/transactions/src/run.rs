//! A transaction of either driver.

use std::future::Future;

use webhook_core::HandlerError;

/// A transaction of either driver.
pub trait Run: Send {
    /// Runs a statement.
    fn run(&mut self, sql: &str) -> impl Future<Output = Result<(), HandlerError>> + Send;
}

impl Run for webhook_sqlx::Tx {
    async fn run(&mut self, sql: &str) -> Result<(), HandlerError> {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *self).await?;
        Ok(())
    }
}

impl Run for webhook_postgres::Tx {
    async fn run(&mut self, sql: &str) -> Result<(), HandlerError> {
        Ok(self.batch_execute(sql).await?)
    }
}
