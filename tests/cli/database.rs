//! A PostgreSQL database of a test's own, and the schema that the first version of Escalator for PostgreSQL made.

use tokio_postgres::{Client, NoTls};

use crate::postgres;

pub const FIRST_SCHEMA: &str = include_str!("../../src/store/postgres/schema.sql");

/// An empty one: its URL, and a connection that does there what Escalator would not.
pub async fn create() -> (String, Client) {
    let url = postgres::shared().create_database();
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    (url, client)
}

/// Makes the first schema in an empty database.
pub async fn make_first_schema(client: &Client) {
    client.batch_execute(FIRST_SCHEMA).await.unwrap();
    client
        .batch_execute(
            "CREATE TABLE escalator_schema (version INTEGER NOT NULL, oldest_reader INTEGER NOT NULL);
             INSERT INTO escalator_schema VALUES (1, 1)",
        )
        .await
        .unwrap();
}
