//! Issues sign-in codes, for invitations and for members who sign in on another machine.

use crate::clock::random_bytes;
use crate::domain::id::Id;
use crate::domain::secret::{Token, TokenKind};
use crate::domain::time::Timestamp;
use crate::server::error::ApiError;
use crate::store::{NewCode, Tx};
use crate::wire::keys::SecretString;
use crate::wire::sessions::SignInCode;

/// Issues a sign-in code for a member, and invalidates their earlier codes.
pub(in crate::server) async fn issue_code(
    tx: &mut Tx,
    member_id: Id,
    at: Timestamp,
    expires_at: Timestamp,
) -> Result<SignInCode, ApiError> {
    let token = Token::new(TokenKind::Code, random_bytes());
    let digest = TokenKind::Code.digest(token.expose()).expect("new tokens are well-formed");
    tx.end_codes_of(member_id, at).await?;
    tx.insert_code(NewCode { id: Id::new(at, random_bytes()), member_id, digest, at, expires_at }).await?;
    Ok(SignInCode { code: SecretString::new(token.expose()), expires_at })
}
