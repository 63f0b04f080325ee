//! Secrets of API keys: format, checksum, digest and masked form. Also tokens of sessions and sign-in codes.
//!
//! A secret and its digest are different types, so that a secret cannot be stored or logged by mistake.

use std::fmt;

use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, Zeroizing};

/// Prefix of every secret.
pub const SECRET_PREFIX: &str = "sk_";
/// Length of a secret in characters, including prefix and checksum.
pub const SECRET_LENGTH: usize = 43;
/// Number of random characters between the prefix and the checksum of a secret.
const RANDOM_LENGTH: usize = 34;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Random bytes below this limit (4 × 62) map to the alphabet without bias. Other bytes are discarded.
const UNBIASED_LIMIT: u8 = 248;

/// The secret of an API key: `sk_` and 40 characters. It is zeroized when dropped, and cannot be printed, cloned or serialized.
pub struct Secret(Zeroizing<String>);

/// Why a text is not a well-formed secret. The messages never repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Does not begin with `sk_`.
    #[error("a key begins with `sk_`")]
    Prefix,
    /// Has the wrong length. The value is the actual length.
    #[error("a key has {SECRET_LENGTH} characters; this text has {0}")]
    Length(usize),
    /// Contains a character other than `0-9A-Za-z` after the prefix. The value is the zero-based position of the first one.
    #[error("a key contains only letters and digits after `sk_`; character {} is neither", .0 + 1)]
    Alphabet(usize),
    /// The checksum does not match, so at least one character was changed.
    #[error("the key's checksum does not match; at least one character was changed")]
    Checksum,
}

impl Secret {
    /// Generates a secret. `random` must return bytes from the operating system's random number generator.
    pub fn generate(mut random: impl FnMut() -> [u8; 64]) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(SECRET_LENGTH));
        text.push_str(SECRET_PREFIX);
        while text.len() < SECRET_PREFIX.len() + RANDOM_LENGTH {
            let mut bytes = random();
            for &b in bytes.iter().filter(|&&b| b < UNBIASED_LIMIT) {
                if text.len() < SECRET_PREFIX.len() + RANDOM_LENGTH {
                    text.push(char::from(ALPHABET[usize::from(b) % ALPHABET.len()]));
                }
            }
            bytes.zeroize();
        }
        let sum = checksum(text.as_bytes());
        text.extend(sum.iter().copied().map(char::from));
        Self(text)
    }

    /// Parses a secret and verifies its length, alphabet and checksum. White space is not trimmed.
    ///
    /// # Errors
    /// Fails if the text is not a well-formed secret; see [`SecretError`].
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        check_secret(text)?;
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// Returns the secret in plain text. Callers must not log or store it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the digest that is stored in the database.
    pub fn digest(&self) -> Digest {
        digest_of_secret(self.expose())
    }

    /// Returns the masked secret that lists show: `sk_…5G08`.
    pub fn mask(&self) -> MaskedSecret {
        mask_of(self.expose())
    }
}

/// Checks that a text is a well-formed secret: prefix, alphabet, length and checksum.
///
/// # Errors
/// Fails with the first check that the text does not pass.
pub fn check_secret(text: &str) -> Result<(), SecretError> {
    let Some(body) = text.strip_prefix(SECRET_PREFIX) else { return Err(SecretError::Prefix) };
    if let Some(at) = body.bytes().position(|b| !b.is_ascii_alphanumeric()) {
        return Err(SecretError::Alphabet(SECRET_PREFIX.len() + at));
    }
    if text.len() != SECRET_LENGTH {
        return Err(SecretError::Length(text.len()));
    }
    let (body, sum) = text.as_bytes().split_at(SECRET_PREFIX.len() + RANDOM_LENGTH);
    if checksum(body).as_slice() == sum { Ok(()) } else { Err(SecretError::Checksum) }
}

/// Computes the digest of a well-formed secret without copying the secret.
pub fn digest_of_secret(secret: &str) -> Digest {
    Digest::labelled("keyward.key.v1", secret)
}

fn mask_of(secret: &str) -> MaskedSecret {
    let mut last = [0; 4];
    last.copy_from_slice(&secret.as_bytes()[SECRET_LENGTH - 4..]);
    MaskedSecret(last)
}

/// Computes the checksum of a secret: CRC-32 (IEEE) in base 62, six digits, most significant first.
fn checksum(body: &[u8]) -> [u8; 6] {
    let mut rest = crc32fast::hash(body);
    let mut out = [b'0'; 6];
    for digit in out.iter_mut().rev() {
        *digit = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    out
}

/// SHA-256 digest of a secret or token. The database stores digests only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Computes the digest of a token, prefixed with a label. Each kind of token has its own label, so that a token of one kind is
    /// never accepted as another.
    pub fn labelled(label: &str, token: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(label.as_bytes());
        hash.update([0]);
        hash.update(token.as_bytes());
        Self(hash.finalize().into())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

/// The last four characters of a secret. They help people to recognize a key, but are not unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MaskedSecret([u8; 4]);

impl MaskedSecret {
    /// Creates a masked secret from the last four characters of the secret, as stored in the database.
    ///
    /// # Errors
    /// Fails unless the text is four ASCII letters or digits.
    pub fn from_last_four(text: &str) -> Result<Self, SecretError> {
        let bytes: [u8; 4] = text.as_bytes().try_into().map_err(|_| SecretError::Length(text.len()))?;
        match bytes.iter().position(|b| !b.is_ascii_alphanumeric()) {
            Some(at) => Err(SecretError::Alphabet(at)),
            None => Ok(Self(bytes)),
        }
    }

    /// Returns the last four characters, which the user types to confirm a revocation.
    pub fn last_four(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a masked secret consists of ASCII characters")
    }
}

impl fmt::Display for MaskedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SECRET_PREFIX}…{}", self.last_four())
    }
}

/// Random token of a session or of a sign-in code. It is zeroized when dropped, and cannot be printed.
pub struct Token(Zeroizing<String>);

/// What a [`Token`] is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A session token, `ses_…`.
    Session,
    /// An invitation or sign-in code, `inv_…`.
    Code,
}

impl TokenKind {
    /// Returns the prefix of tokens of this kind, such as `ses_`.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Session => "ses_",
            Self::Code => "inv_",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Session => "keyward.session.v1",
            Self::Code => "keyward.code.v1",
        }
    }

    /// Computes the digest of a token, or returns `None` if the text is not a well-formed token of this kind.
    pub fn digest(self, text: &str) -> Option<Digest> {
        let hex = text.strip_prefix(self.prefix())?;
        let well_formed =
            hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        well_formed.then(|| Digest::labelled(self.label(), text))
    }
}

impl Token {
    /// Creates a token from 256 random bits: the prefix and 64 hexadecimal digits.
    pub fn new(kind: TokenKind, mut random: [u8; 32]) -> Self {
        use fmt::Write as _;
        let mut text = Zeroizing::new(String::with_capacity(68));
        text.push_str(kind.prefix());
        for byte in random {
            write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        }
        random.zeroize();
        Self(text)
    }

    /// Returns the token in plain text. Callers must not log or store it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret::generate(|| std::array::from_fn(|i| u8::try_from(i * 37 % 256).unwrap()))
    }

    #[test]
    fn a_generated_secret_has_the_documented_format() {
        let s = secret();
        assert_eq!(s.expose().len(), SECRET_LENGTH);
        assert!(s.expose().starts_with(SECRET_PREFIX));
        assert_eq!(check_secret(s.expose()), Ok(()));
        assert_eq!(s.mask().to_string(), format!("sk_…{}", &s.expose()[39..]));
    }

    #[test]
    fn the_checksum_is_crc_32_in_padded_base_62() {
        assert_eq!(&checksum(b""), b"000000");
        // The check value of the IEEE polynomial: CRC-32 of "123456789" is 0xCBF43926.
        let mut n: u64 = 0;
        for d in checksum(b"123456789") {
            n = n * 62 + ALPHABET.iter().position(|&a| a == d).unwrap() as u64;
        }
        assert_eq!(n, 0xCBF4_3926);
    }

    /// Guarantee 19: keys are self-checking.
    #[test]
    fn truncated_and_altered_secrets_are_rejected() {
        let s = secret();
        let text = s.expose();
        for cut in 0..SECRET_LENGTH {
            assert!(check_secret(&text[..cut]).is_err(), "cut to {cut}");
        }
        for at in 0..SECRET_LENGTH {
            for replacement in ALPHABET {
                let mut changed = text.as_bytes().to_vec();
                if changed[at] == *replacement {
                    continue;
                }
                changed[at] = *replacement;
                assert!(check_secret(std::str::from_utf8(&changed).unwrap()).is_err(), "position {at}");
            }
        }
        assert_eq!(check_secret("sk_é"), Err(SecretError::Alphabet(3)));
        assert_eq!(check_secret("sk-0"), Err(SecretError::Prefix));
    }

    #[test]
    fn a_token_has_a_different_digest_for_each_purpose() {
        let token = Token::new(TokenKind::Session, [7; 32]);
        assert!(TokenKind::Code.digest(token.expose()).is_none());
        assert_ne!(TokenKind::Session.digest(token.expose()), Some(digest_of_secret(token.expose())));
    }
}
