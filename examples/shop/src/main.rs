//! A shop: its handlers for the events that it gets.

mod back_office;
mod customers;
mod desk;
mod money_back;
mod orders;
mod subscriptions;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use webhook_server::App;

#[tokio::main]
async fn main() -> ExitCode {
    App::new().state(desk::Books::default()).main().await
}
