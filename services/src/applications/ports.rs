//! Ports of servers that applications publish: each port of an engine leads to one application, whosever it is.

use crate::clock::new_id;
use crate::{Ctx, Error, OnConflict, Result};
use contract::ids::ApplicationId;
use contract::running::PublishedPort;
use contract::servers::Connection;
use entity::{Tenant, application_port};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

/// The engine that a connection leads to: servers of several organizations may stand for one.
fn engine(connection: &Connection) -> String {
    match connection {
        Connection::Local => "local".to_owned(),
        Connection::Ssh { host, port, .. } => format!("ssh:{}:{port}", host.to_ascii_lowercase()),
    }
}

/// Makes these the ports that the application has on its server.
pub(super) async fn replace(
    ctx: &Ctx,
    application: ApplicationId,
    connection: &Connection,
    ports: &[PublishedPort],
) -> Result<()> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let settings = &ctx.platform.settings;
    application_port::Entity::delete_in(scope)
        .filter(application_port::Column::ApplicationId.eq(application))
        .exec(tx)
        .await?;
    // In one order for everyone: two that want the same ports at once wait for each other, never in a circle.
    let mut ordered: Vec<_> = ports.iter().enumerate().collect();
    ordered.sort_by_key(|(_, port)| (port.protocol, port.host_port));
    for (index, port) in ordered {
        let field = format!("run.ports.{index}");
        if [settings.http_port, settings.https_port].contains(&port.host_port) {
            let message = format!("Port {} is the platform's proxy's. Use a domain, or another port.", port.host_port);
            return Err(Error::field(&field, message));
        }
        application_port::Entity::insert(application_port::ActiveModel {
            id: Set(new_id()),
            organization_id: Set(scope.organization()),
            application_id: Set(application),
            engine: Set(engine(connection)),
            protocol: Set(port.protocol.as_str().to_owned()),
            host_port: Set(port.host_port.into()),
        })
        .exec_without_returning(tx)
        .await
        .on_conflict_field(&field, &format!("Port {} of this server is taken. Choose another.", port.host_port))?;
    }
    Ok(())
}
