//! Roles and scopes: what each carries, and that nothing is open by accident.

use contract::permissions::{Permission, Role, scope_covers};
use proptest::prelude::*;

fn carried(role: Role) -> Vec<Permission> {
    Permission::ALL.into_iter().filter(|permission| role.allows(*permission)).collect()
}

#[test]
fn each_role_carries_what_the_one_below_it_does() {
    // Where a person has two roles (their own, and one from above) the higher one counts: that is right only so long
    // as this holds.
    for pair in Role::ALL.windows(2) {
        assert!(pair[0] < pair[1]);
        for permission in carried(pair[0]) {
            assert!(pair[1].allows(permission), "{:?} lacks {permission:?} of {:?}", pair[1], pair[0]);
        }
    }
}

#[test]
fn the_matrix_is_this() {
    use Permission as P;
    let viewer = [
        P::OrganizationRead,
        P::MembersRead,
        P::ProjectsRead,
        P::ApplicationsRead,
        P::VariablesRead,
        P::DeploymentsRead,
        P::ServersRead,
    ];
    assert_eq!(carried(Role::Viewer), viewer);
    assert_eq!(carried(Role::Billing), [P::OrganizationRead, P::MembersRead]);
    let changes =
        [P::ProjectsManage, P::ApplicationsManage, P::ApplicationsTerminal, P::VariablesManage, P::DeploymentsManage];
    assert_eq!(carried(Role::Member).len(), viewer.len() + changes.len());
    assert!(changes.into_iter().all(|permission| Role::Member.allows(permission)));
    for kept in [P::AuditRead, P::ApiKeysRead, P::PrivateKeysRead, P::MembersManage, P::ServersManage] {
        assert!(!Role::Member.allows(kept) && Role::Admin.allows(kept), "{kept:?}");
    }
    assert_eq!(carried(Role::Owner), Permission::ALL);
}

#[test]
fn every_permission_is_listed_once() {
    let names = Permission::ALL.map(|permission| serde_json::to_string(&permission).unwrap());
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), Permission::ALL.len());
    for (index, permission) in Permission::ALL.into_iter().enumerate() {
        // A permission that is added to the enum and not to the list would come after the last of the list.
        assert_eq!(permission as usize, index);
    }
}

#[test]
fn nobody_grants_more_than_they_have() {
    for from in Role::ALL {
        for to in Role::ALL {
            let may = from.may_grant(to);
            assert_eq!(may, from >= Role::Admin && to <= from, "{from:?} {to:?}");
        }
        assert_eq!(Role::parse(from.as_str()), Some(from));
    }
    assert_eq!(Role::parse("root"), None);
}

proptest! {
    #[test]
    fn a_scope_covers_its_room_only(room in "[a-z_]{1,12}", verb in "[a-z_]{1,12}", other in "[a-z_]{1,12}") {
        let operation = format!("{room}.{verb}");
        prop_assert!(scope_covers("*", &operation));
        prop_assert!(scope_covers(&operation, &operation));
        let whole = format!("{room}.*");
        prop_assert!(scope_covers(&whole, &operation));
        prop_assert_eq!(scope_covers(&whole, &format!("{other}.{verb}")), other == room);
        let longer = format!("{room}x.{verb}");
        prop_assert!(!scope_covers(&whole, &longer));
        prop_assert_eq!(scope_covers(&format!("{room}.{other}"), &operation), other == verb);
    }

    /// A key that makes a key: what the narrow pattern covers, the wider one that covers the pattern covers too.
    #[test]
    fn a_covered_pattern_is_narrower(
        wide in prop_oneof![Just("*".to_owned()), "[ab]\\.\\*", "[ab]\\.[cd]"],
        narrow in prop_oneof![Just("*".to_owned()), "[ab]\\.\\*", "[ab]\\.[cd]"],
        operation in "[ab]\\.[cd]",
    ) {
        if scope_covers(&wide, &narrow) && scope_covers(&narrow, &operation) {
            prop_assert!(scope_covers(&wide, &operation), "{} > {} > {}", wide, narrow, operation);
        }
    }

    #[test]
    fn what_is_no_pattern_covers_nothing(pattern in "[a-z]{0,6}\\*?", operation in "[a-z]{1,6}\\.[a-z]{1,6}") {
        prop_assume!(pattern != "*");
        prop_assert!(!scope_covers(&pattern, &operation));
    }
}
