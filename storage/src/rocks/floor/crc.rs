//! CRC-32C, the checksum of RocksDB's log records and of the floor.

const POLYNOMIAL: u32 = 0x82f6_3b78;

/// Bytes that are taken at a time.
const LANES: usize = 8;

/// The number that RocksDB adds to a rotated checksum, so that a checksum of bytes that hold checksums stays strong.
const MASK: u32 = 0xa282_ead8;

/// `TABLES[n][b]` is the remainder of the byte `b` followed by `n` zero bytes.
static TABLES: [[u32; 256]; LANES] = tables();

const fn tables() -> [[u32; 256]; LANES] {
    let mut tables = [[0; 256]; LANES];
    let mut byte = 0;
    while byte < 256 {
        let (mut crc, mut bit) = (byte as u32, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut lane = 1;
    while lane < LANES {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[lane - 1][byte];
            tables[lane][byte] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        lane += 1;
    }
    tables
}

/// Returns the checksum of `bytes`.
pub(super) fn crc(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    let mut chunks = bytes.chunks_exact(LANES);
    for chunk in &mut chunks {
        let low = crc ^ u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
        let [a, b, c, d] = low.to_le_bytes().map(usize::from);
        crc = TABLES[7][a] ^ TABLES[6][b] ^ TABLES[5][c] ^ TABLES[4][d];
        let [a, b, c, d] = [chunk[4], chunk[5], chunk[6], chunk[7]].map(usize::from);
        crc ^= TABLES[3][a] ^ TABLES[2][b] ^ TABLES[1][c] ^ TABLES[0][d];
    }
    for byte in chunks.remainder() {
        crc = after_zero(crc ^ u32::from(*byte));
    }
    !crc
}

/// Returns the remainder `crc` after one more byte of zeros.
pub(super) fn after_zero(crc: u32) -> u32 {
    (crc >> 8) ^ TABLES[0][(crc & 0xff) as usize]
}

/// Returns the checksum that a stored one stands for.
pub(super) fn unmask(stored: u32) -> u32 {
    stored.wrapping_sub(MASK).rotate_right(17)
}

#[cfg(test)]
pub(super) fn mask(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(MASK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        // RFC 3720, B.4.
        assert_eq!(crc(b""), 0);
        assert_eq!(crc(b"123456789"), 0xe306_9283);
        assert_eq!(crc(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc(&[0xff; 32]), 0x62a8_ab43);
        let rising: Vec<u8> = (0..32).collect();
        assert_eq!(crc(&rising), 0x46dd_794e);
        assert_eq!(unmask(mask(0x46dd_794e)), 0x46dd_794e);
    }
}
