//! A node that asks for a login, as far as a client gets with a wrong one.

use std::sync::Arc;

use kudos_cassandra::{Cassandra, CassandraSettings, ConnectError};
use kudos_core::{Kinds, SystemClock};
use kudos_runtime::config::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const OPTIONS: u8 = 0x05;
const STARTUP: u8 = 0x01;

/// Listens as a node that refuses every login.
async fn strict_node() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(refuse(client));
        }
    });
    address
}

async fn refuse(mut client: TcpStream) -> std::io::Result<()> {
    loop {
        let mut header = [0; 9];
        client.read_exact(&mut header).await?;
        let length = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
        let mut body = vec![0; length as usize];
        client.read_exact(&mut body).await?;
        let (opcode, body) = match header[4] {
            // SUPPORTED: nothing in particular.
            OPTIONS => (0x06, vec![0, 0]),
            // AUTHENTICATE, by a name and a password.
            STARTUP => (0x03, string("org.apache.cassandra.auth.PasswordAuthenticator")),
            // ERROR: bad credentials.
            _ => (0x00, [&[0, 0, 1, 0][..], &string("Provided username ann is wrong")].concat()),
        };
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        let answer = [&[0x84, 0, header[2], header[3], opcode][..], &length, &body].concat();
        client.write_all(&answer).await?;
    }
}

fn string(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap().to_be_bytes();
    [&length[..], text.as_bytes()].concat()
}

async fn refused(login: Option<(&str, &str)>) -> ConnectError {
    let settings = CassandraSettings {
        contact_points: vec![strict_node().await],
        username: login.map(|(user, _)| user.to_owned()),
        password: login.map(|(_, password)| Secret::new(password)),
        ..CassandraSettings::default()
    };
    let connected = Cassandra::connect(&settings, Kinds::default(), Arc::new(SystemClock)).await;
    match connected {
        Ok(_) => panic!("it connected"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_wrong_password_is_named_and_not_shown() {
    let error = refused(Some(("ann", "pa55"))).await;
    assert!(matches!(error, ConnectError::Login(_)), "{error:?}");
    let text = format!("{error} {error:?}");
    assert!(text.contains("cassandra.password") && !text.contains("pa55"), "{text}");
}

#[tokio::test]
async fn a_missing_login_is_named() {
    let error = refused(None).await;
    assert!(matches!(error, ConnectError::LoginNeeded), "{error:?}");
}
