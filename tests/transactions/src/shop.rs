//! An application with an inbox in PostgreSQL, and with both kinds of pool.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tempfile::NamedTempFile;
use test_postgres::Postgres;
use tower_service::Service;
use webhook_core::{SIGNATURE_HEADER, Secret, sign};
use webhook_server::{App, Endpoint, InboxLocation, Settings, StartError, Webhooks};

const SECRET: &str = "whsec_transactions_0123456789abcdef";

/// How long a test waits for a state. It only ends what hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// The pools of an application, one for each driver.
#[derive(Clone)]
pub struct Pools {
    /// Of sqlx.
    pub sqlx: sqlx::PgPool,
    /// Of tokio-postgres.
    pub tokio: deadpool_postgres::Pool,
}

impl Pools {
    /// Pools of a database, as a user, through the socket in a folder.
    ///
    /// # Panics
    ///
    /// Panics if a pool cannot be made.
    #[must_use]
    pub fn new(folder: &Path, user: &str, database: &str) -> Self {
        let options = PgConnectOptions::new().socket(folder).username(user).database(database);
        let sqlx = PgPoolOptions::new().max_connections(32).connect_lazy_with(options);
        let mut config = tokio_postgres::Config::new();
        config.host_path(folder).user(user).dbname(database);
        let manager = deadpool_postgres::Manager::new(config, tokio_postgres::NoTls);
        let tokio = deadpool_postgres::Pool::builder(manager)
            .max_size(32)
            .runtime(deadpool_postgres::Runtime::Tokio1)
            .build()
            .expect("it has a runtime");
        Self { sqlx, tokio }
    }
}

impl std::fmt::Debug for Pools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pools").finish_non_exhaustive()
    }
}

/// The server of this process, with the application's tables.
#[must_use]
pub fn prepared() -> &'static Postgres {
    static TABLES: std::sync::Once = std::sync::Once::new();
    let server = test_postgres::shared();
    TABLES.call_once(|| drop(server.query(TABLES_SQL)));
    server
}

/// What happens at a commit depends on the rows that were inserted into `at_commit`.
const TABLES_SQL: &str = "
    CREATE TABLE effect (object text NOT NULL);
    CREATE TABLE at_commit (what text NOT NULL);
    CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        CASE NEW.what
            WHEN 'sleep' THEN PERFORM pg_sleep(3);
            WHEN 'collide' THEN RAISE EXCEPTION 'collided' USING ERRCODE = '40001';
            WHEN 'refuse' THEN RAISE EXCEPTION 'refused' USING ERRCODE = '23514';
            WHEN 'terminate' THEN PERFORM pg_terminate_backend(pg_backend_pid());
        END CASE;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON at_commit DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION at_commit();";

/// An application whose inbox is in a schema, and a file with its secret.
///
/// # Panics
///
/// Panics if there is no place for the file.
#[must_use]
pub fn app(inbox: InboxLocation, schema: &str) -> (App, NamedTempFile) {
    let mut file = NamedTempFile::new().expect("there is a place for it");
    writeln!(file, "{SECRET}").expect("there is space");
    let mut settings = Settings::default();
    settings.inbox = inbox;
    settings.inbox_schema = schema.to_owned();
    settings.concurrency = 32;
    (App::new().settings(settings).endpoint(Endpoint::at("/webhook").secret_file(file.path())), file)
}

/// Starts an application with its inbox in PostgreSQL.
///
/// # Errors
///
/// Fails with everything that is wrong with the application.
pub async fn start(server: &'static Postgres, schema: &str, pools: &Pools) -> Result<Shop, StartError> {
    let (app, secret) = app(InboxLocation::Postgres(server.url()), schema);
    let webhooks = app.state(pools.sqlx.clone()).state(pools.tokio.clone()).start().await?;
    Ok(Shop { webhooks, server, schema: schema.to_owned(), _secret: secret })
}

/// An application at work.
#[derive(Debug)]
pub struct Shop {
    webhooks: Webhooks,
    server: &'static Postgres,
    schema: String,
    _secret: NamedTempFile,
}

impl Shop {
    /// Sends an event about an object, and waits until it is stored.
    ///
    /// # Panics
    ///
    /// Panics if it is not accepted.
    pub async fn send(&self, event_type: &str, event: &str, object: &str) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_secs();
        let body = format!(
            r#"{{"id":"{event}","object":"event","type":"{event_type}","api_version":"2026-10-28.endive","created":{now},
                "livemode":false,"pending_webhooks":1,"request":{{"id":null,"idempotency_key":null}},
                "data":{{"object":{{"id":"{object}","object":"charge","schema":"{}"}}}}}}"#,
            self.schema
        );
        let secret = Secret::new(SECRET).expect("it is good");
        let signature = sign(&[secret], now, body.as_bytes());
        let request = Request::post("/webhook").header("host", "shop").header(SIGNATURE_HEADER, signature);
        let request = request.body(Full::new(Bytes::from(body))).expect("it is a request");
        let answer = self.webhooks.service().call(request).await.unwrap_or_else(|never| match never {});
        assert_eq!(answer.status(), 200, "{event}");
    }

    /// Runs SQL, in which `webhook` stands for the inbox's schema, and returns its values.
    pub async fn query(&self, sql: &str) -> String {
        let (server, sql) = (self.server, sql.replace("webhook.", &format!("{}.", self.schema)));
        tokio::task::spawn_blocking(move || server.query(&sql)).await.expect("it does not panic")
    }

    /// Asks until the answer is as expected.
    ///
    /// # Panics
    ///
    /// Panics if it never is.
    pub async fn until(&self, sql: &str, expected: &str) {
        let asking = async {
            while self.query(sql).await != expected {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, asking).await.is_err() {
            let tasks = "SELECT object, state, attempt, error FROM webhook.task
                         UNION ALL SELECT object, state, attempt, error FROM webhook.ended";
            let (got, tasks) = (self.query(sql).await, self.query(tasks).await);
            panic!("expected {expected:?}, and got {got:?}: {sql}\n{tasks}");
        }
    }

    /// Stops it.
    ///
    /// # Panics
    ///
    /// Panics if a run does not end.
    pub async fn stop(self) {
        self.webhooks.shutdown().await.expect("all runs end");
    }
}
