//! SQL of the deliberate bugs of [`crate::fault_injection`].

/// Injected bug: removes a member without a lock, and checks for another admin only within the statement.
pub(super) const REMOVE_IF_ANOTHER_ADMIN: &str = "UPDATE members SET removed_at = $2, changed_at = $3 \
    WHERE id = $1 AND removed_at IS NULL AND (role <> 'admin' OR EXISTS (SELECT 1 FROM members o WHERE o.role = 'admin' \
    AND o.activated_at IS NOT NULL AND o.removed_at IS NULL AND o.id <> members.id))";
/// Injected bug: changes a role without a lock, and checks for another admin only within the statement.
pub(super) const SET_ROLE_IF_ANOTHER_ADMIN: &str = "UPDATE members SET role = $2, changed_at = $3 \
    WHERE id = $1 AND role <> $2 AND removed_at IS NULL AND (role <> 'admin' OR EXISTS (SELECT 1 FROM members o \
    WHERE o.role = 'admin' AND o.activated_at IS NOT NULL AND o.removed_at IS NULL AND o.id <> members.id))";

/// Injected bug: overwrites a key's last use even with an earlier one.
pub(super) const OVERWRITE_LAST_USE: &str = ") UPDATE keys SET last_used_agent = used.agent, \
    last_used_address = used.address, last_used_at = used.at, use_count = use_count + used.count";
