//! How a server is reached: what may be stored, and what is read back.

use crate::{Error, Faults, Result};
use contract::servers::Connection;
use contract::validation;
use entity::server;
use std::net::IpAddr;

/// Notes what is wrong with a connection under its fields' names.
pub(super) fn check(faults: &mut Faults, connection: &Connection) {
    let Connection::Ssh { host, port, user, jump, .. } = connection else { return };
    check_hop(faults, "connection", host, *port, user);
    if let Some(jump) = jump {
        check_hop(faults, "connection.jump", &jump.host, jump.port, &jump.user);
    }
}

fn check_hop(faults: &mut Faults, field: &str, host: &str, port: u16, user: &str) {
    faults.check(&format!("{field}.host"), check_host(host));
    faults.check(&format!("{field}.user"), check_user(user));
    if port == 0 {
        faults.note(&format!("{field}.port"), "Use 1 to 65535.");
    }
}

/// The row's connection, if it passes today's checks.
pub(crate) fn read(row: &server::Model) -> Result<Connection> {
    let refused =
        || Error::Unavailable(format!("The connection of {} does not pass today's checks. Edit it.", row.name));
    let connection: Connection = serde_json::from_value(row.connection.clone()).map_err(|_| refused())?;
    let mut faults = Faults::default();
    check(&mut faults, &connection);
    faults.into_result().map_err(|_| refused())?;
    Ok(connection)
}

/// It stands for the engine of the machine that the platform runs on.
pub(crate) fn is_local(row: &server::Model) -> bool {
    matches!(read(row), Ok(Connection::Local))
}

/// A host name or an address, in no form that a program could take for an option.
fn check_host(host: &str) -> std::result::Result<(), &'static str> {
    if host.parse::<IpAddr>().is_ok() || validation::slug(host).is_ok() {
        return Ok(());
    }
    validation::host_name(host).map_err(|_| "Enter a host name in lower case, or an address.")
}

fn check_user(user: &str) -> std::result::Result<(), &'static str> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.');
    let starts = user.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    if !starts || user.len() > 32 || !user.bytes().all(plain) {
        return Err("Enter a user name such as root or deploy.");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_users_are_nothing_but_that() {
        for host in ["10.0.0.7", "fd00::1", "build", "a.example.com", "xn--bcher-kva.example"] {
            assert_eq!(check_host(host), Ok(()), "{host}");
        }
        for host in [
            "",
            "-oProxyCommand=id",
            "a b",
            "a;b",
            "$(id)",
            "`id`",
            "a\nb",
            "a/b",
            "a@b",
            "[::1]",
            "a%eth0",
            "fe80::1%lo",
            "A.example.com",
            "a..b",
            "a\0",
        ] {
            assert!(check_host(host).is_err(), "{host:?}");
        }
        for user in ["root", "_apt", "deploy-1", "a.b"] {
            assert_eq!(check_user(user), Ok(()), "{user}");
        }
        for user in ["", "-l", "root;id", "root id", "Root", "a\nb", "$USER", "r\0", "a@b", &"a".repeat(33)] {
            assert!(check_user(user).is_err(), "{user:?}");
        }
    }
}
