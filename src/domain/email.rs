//! Email addresses: validation and case-insensitive comparison.

use unicode_normalization::UnicodeNormalization as _;

use super::text;

/// Maximum length of an email address in bytes (RFC 5321, section 4.5.3.1).
pub const EMAIL_MAX: usize = 254;

/// Why a text is not accepted as an email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// Not of the form `local@domain`, or contains white space or a character such as `<` that belongs to a display name.
    #[error("must be an email address such as ada@plant.example")]
    Form,
    /// Longer than [`EMAIL_MAX`] bytes.
    #[error("must not be longer than {EMAIL_MAX} bytes")]
    Long,
    /// Contains a character that cannot be shown safely.
    #[error("contains a character that cannot be shown safely (U+{:04X})", u32::from(*.0))]
    UnsafeChar(char),
}

/// Validates an email address and returns it as it is stored: trimmed and in Unicode normalization form C.
///
/// Only the syntax is checked, since keyward does not send email.
///
/// # Errors
/// Fails if the text is not an acceptable address; see [`EmailError`].
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

/// Converts an email address to lower case for comparison. Addresses that differ only in case belong to the same person.
pub fn fold_case(email: &str) -> String {
    email.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_well_formed_addresses_are_accepted() {
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
