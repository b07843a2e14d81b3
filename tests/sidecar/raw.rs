//! A client that does as it likes.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// A hello of protocol 1 without a name.
pub const HELLO: &[u8] = b"\x09\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0ASOF\x01\0\x01\0\0";

/// A ping.
pub const PING: &[u8] = b"\0\0\0\0\x09\0\0\0\x02\0\0\0\0\0\0\0";

pub fn connect(socket: &Path) -> UnixStream {
    let stream = UnixStream::connect(socket).expect("a sidecar that listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time-out");
    stream.set_write_timeout(Some(Duration::from_secs(60))).expect("a time-out");
    stream
}

pub fn greeted(socket: &Path) -> UnixStream {
    let mut stream = connect(socket);
    stream.write_all(HELLO).expect("a sidecar that reads");
    assert_eq!(frame(&mut stream).0, 0x81);
    stream
}

pub fn request(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = (body.len() as u32).to_le_bytes().to_vec();
    frame.extend_from_slice(&[kind, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
    frame.extend_from_slice(body);
    frame
}

/// The kind and the body of the next frame.
pub fn frame(stream: &mut UnixStream) -> (u8, Vec<u8>) {
    let mut header = [0; 16];
    stream.read_exact(&mut header).expect("a header");
    let mut body = vec![0; u32::from_le_bytes(header[..4].try_into().expect("4 bytes")) as usize];
    stream.read_exact(&mut body).expect("a body");
    (header[4], body)
}

/// The message of an error, which is the next frame.
pub fn error(stream: &mut UnixStream) -> String {
    let (kind, body) = frame(stream);
    assert_eq!(kind, 0xff, "an error");
    String::from_utf8_lossy(&body).into_owned()
}

/// Returns whether the sidecar has ended the connection, perhaps after some last frames.
pub fn is_ended(stream: &mut UnixStream) -> bool {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}
