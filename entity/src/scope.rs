//! The tenant scope, as a type. Whoever wants a tenant's rows needs one, and one is made only from a caller whose
//! right to the organization was checked.

#![expect(clippy::disallowed_methods, reason = "the one place where the plain finders are wrapped")]

use contract::ids::OrganizationId;
use sea_orm::sea_query::IntoCondition;
use sea_orm::{ColumnTrait, DeleteMany, EntityTrait, QueryFilter, Select, UpdateMany};

/// One organization's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    organization: OrganizationId,
}

impl Scope {
    /// Only where the right to the organization was just established: the gate, and jobs that carry their organization.
    pub fn of(organization: OrganizationId) -> Self {
        Self { organization }
    }

    pub fn organization(self) -> OrganizationId {
        self.organization
    }
}

/// A table whose rows belong to an organization.
pub trait Tenant: EntityTrait {
    fn organization_column() -> Self::Column;

    fn find_in(scope: Scope) -> Select<Self> {
        Self::find().filter(Self::organization_column().eq(scope.organization).into_condition())
    }

    fn update_in(scope: Scope) -> UpdateMany<Self> {
        Self::update_many().filter(Self::organization_column().eq(scope.organization).into_condition())
    }

    fn delete_in(scope: Scope) -> DeleteMany<Self> {
        Self::delete_many().filter(Self::organization_column().eq(scope.organization).into_condition())
    }

    /// Every tenant's rows: for workers and reconcilers, which act for the platform and never answer a caller.
    fn find_everywhere() -> Select<Self> {
        Self::find()
    }

    fn update_everywhere() -> UpdateMany<Self> {
        Self::update_many()
    }

    fn delete_everywhere() -> DeleteMany<Self> {
        Self::delete_many()
    }
}

/// A table that belongs to no organization.
pub trait Global: EntityTrait {
    fn rows() -> Select<Self> {
        Self::find()
    }

    fn update_rows() -> UpdateMany<Self> {
        Self::update_many()
    }

    fn delete_rows() -> DeleteMany<Self> {
        Self::delete_many()
    }
}

#[doc(hidden)]
#[macro_export]
macro_rules! tenant {
    () => {
        impl $crate::Tenant for Entity {
            fn organization_column() -> Column {
                Column::OrganizationId
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! global {
    () => {
        impl $crate::Global for Entity {}
    };
}
