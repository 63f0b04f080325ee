//! Email addresses: validation, and comparison that ignores case.

use unicode_normalization::UnicodeNormalization as _;

use super::text;

/// Longest address in bytes (RFC 5321, section 4.5.3.1).
pub const EMAIL_MAX: usize = 254;

/// The reason why a text is not accepted as an email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// No `@` between two parts, more than one `@`, white space, or characters such as `<` that belong to a display name.
    #[error("must be an email address like ada@plant.example")]
    Form,
    /// Longer than [`EMAIL_MAX`] bytes.
    #[error("must not be longer than {EMAIL_MAX} bytes")]
    Long,
    /// Contains a character that cannot be shown safely.
    #[error("holds a character that cannot be shown safely (U+{:04X})", u32::from(*.0))]
    UnsafeChar(char),
}

/// Returns the address as it is stored: trimmed and in Unicode normalization form C.
///
/// Only the form is checked, since keyward sends no email.
///
/// # Errors
/// See [`EmailError`].
pub fn normalize_email(text: &str) -> Result<String, EmailError> {
    let text = text.trim();
    if text.len() > EMAIL_MAX {
        return Err(EmailError::Long);
    }
    let address: String = text.nfc().collect();
    if let Some(c) = text::first_unsafe_char(&address) {
        return Err(EmailError::UnsafeChar(c));
    }
    let odd = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '(' | ')' | ',' | ';' | '"' | '\\');
    match address.rsplit_once('@') {
        Some((local, domain))
            if !local.is_empty() && !domain.is_empty() && !local.contains('@') && !address.contains(odd) =>
        {
            Ok(address)
        }
        _ => Err(EmailError::Form),
    }
}

/// Returns the form in which addresses are compared: two addresses that differ only in case belong to the same person.
pub fn fold_case(email: &str) -> String {
    email.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_by_their_form() {
        assert_eq!(normalize_email(" Ada@Plant.example "), Ok("Ada@Plant.example".into()));
        for bad in
            ["", "ada", "@plant.example", "ada@", "a b@plant.example", "a@b@c", "Ada <a@plant.example>"]
        {
            assert_eq!(normalize_email(bad), Err(EmailError::Form), "{bad}");
        }
        assert_eq!(normalize_email("a\u{200b}@plant.example"), Err(EmailError::UnsafeChar('\u{200b}')));
        assert_eq!(normalize_email(&format!("{}@plant.example", "a".repeat(250))), Err(EmailError::Long));
        assert_eq!(fold_case("Ada@Plant.example"), fold_case("ada@plant.EXAMPLE"));
    }
}
