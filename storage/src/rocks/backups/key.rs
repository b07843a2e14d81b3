//! The key of encrypted backups, and how pieces of a file are sealed with it.
//!
//! XChaCha20-Poly1305 in the STREAM construction: the nonce of a piece is 19 random bytes of its file, the piece's
//! number (`u32`, big-endian) and a byte that is 1 for the last one. So pieces cannot be left out, added, put in
//! another order or cut off without notice. The name of the file is authenticated with each piece, so that one file
//! cannot stand in for another.

use std::path::Path;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use rustix::rand::{GetRandomFlags, getrandom};

use crate::error::{Error, Result};

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// The random part of a nonce.
pub(super) const PREFIX_BYTES: usize = 19;

/// Bytes that sealing adds to a piece.
pub(super) const TAG_BYTES: usize = 16;

/// A key that seals backups. It is not shown.
#[derive(Clone)]
pub struct BackupKey(XChaCha20Poly1305);

impl BackupKey {
    /// A key of 32 bytes.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        BackupKey(XChaCha20Poly1305::new(&Key::from(bytes)))
    }

    /// Reads a key from a file: 64 hexadecimal digits.
    ///
    /// # Errors
    /// `NotFound` when there is no such file; `Invalid` when it has no key; `Unavailable` when it cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = std::fs::read(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::not_found(format!("there is no file with a key: {shown}")),
            _ => Error::unavailable(format!("cannot read the file with the key: {shown}")).with_source(error),
        })?;
        let refused = || Error::invalid(format!("a key is 64 hexadecimal digits (openssl rand -hex 32): {shown}"));
        let digits = str::from_utf8(&text).map_err(|_| refused())?.trim();
        let mut bytes = [0; KEY_BYTES];
        if digits.len() != 2 * KEY_BYTES || !digits.is_ascii() {
            return Err(refused());
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * index..2 * index + 2], 16).map_err(|_| refused())?;
        }
        Ok(BackupKey::new(bytes))
    }

    pub(super) fn seal(&self, place: &PlaceOfPiece<'_>, piece: &[u8]) -> Result<Vec<u8>> {
        let sealed = self.0.encrypt(&place.nonce(), Payload { msg: piece, aad: place.name.as_bytes() });
        sealed.map_err(|_| Error::internal("a piece of a backup cannot be encrypted"))
    }

    /// Opens a piece; none when it was not sealed with this key and for this place.
    pub(super) fn open(&self, place: &PlaceOfPiece<'_>, sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.decrypt(&place.nonce(), Payload { msg: sealed, aad: place.name.as_bytes() }).ok()
    }
}

impl std::fmt::Debug for BackupKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BackupKey")
    }
}

/// The place of a piece: its file, and where in it.
pub(super) struct PlaceOfPiece<'p> {
    pub(super) name: &'p str,
    pub(super) prefix: [u8; PREFIX_BYTES],
    pub(super) number: u32,
    pub(super) is_last: bool,
}

impl PlaceOfPiece<'_> {
    fn nonce(&self) -> XNonce {
        let mut nonce = [0; 24];
        nonce[..PREFIX_BYTES].copy_from_slice(&self.prefix);
        nonce[PREFIX_BYTES..PREFIX_BYTES + 4].copy_from_slice(&self.number.to_be_bytes());
        nonce[PREFIX_BYTES + 4] = u8::from(self.is_last);
        XNonce::from(nonce)
    }
}

/// Random bytes of the kernel.
pub(super) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    // Fewer than 256 bytes come whole or not at all.
    match getrandom(&mut bytes, GetRandomFlags::empty()) {
        Ok(read) if read == N => Ok(bytes),
        _ => Err(Error::unavailable("the kernel gives no random bytes")),
    }
}
