//! Email addresses: what is accepted as one, and when two are the same.

use unicode_normalization::UnicodeNormalization as _;

use super::text;

/// Most bytes of an address (RFC 5321, 4.5.3.1).
pub const EMAIL_MAX: usize = 254;

/// Why a text is not accepted as an email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// No `@` with something before and after it, or blanks inside.
    #[error("must be an email address like ada@plant.example")]
    Form,
    /// Longer than [`EMAIL_MAX`].
    #[error("must not be longer than {EMAIL_MAX} bytes")]
    Long,
    /// Characters that cannot be shown safely.
    #[error("holds a character that cannot be shown safely (U+{:04X})", u32::from(*.0))]
    UnsafeChar(char),
}

/// The address as it is stored: trimmed, in normalization form C. Nothing is mailed to it, so only its form is checked.
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

/// What two addresses of the same person have in common: people do not tell capitals apart.
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
