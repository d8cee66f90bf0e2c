//! The IDX reader: what it accepts, and how each kind of damage is named.

use std::fs;
use std::path::Path;

use candlelight::data::{DataError, idx};

use crate::support::gzip;

fn sample() -> Vec<u8> {
    idx::encode(&[3, 2, 2], &(0..12).collect::<Vec<u8>>()).unwrap()
}

fn read(bytes: &[u8]) -> Result<([usize; 3], Vec<u8>), DataError> {
    idx::read::<3, _>(bytes, Path::new("some/file"), |byte| byte)
}

fn read_gzip(bytes: &[u8]) -> Result<([usize; 3], Vec<u8>), DataError> {
    idx::read_gzip::<3, _>(bytes, Path::new("some/file.gz"), |byte| byte)
}

#[test]
fn reads_what_it_encodes_raw_and_compressed() {
    let expected = ([3, 2, 2], (0..12).collect::<Vec<u8>>());
    assert_eq!(read(&sample()).unwrap(), expected);
    assert_eq!(read_gzip(&gzip(&sample())).unwrap(), expected);
    assert_eq!(&sample()[..8], [0, 0, 8, 3, 0, 0, 0, 3]);
}

#[test]
fn reads_gzip_of_several_members() {
    let (head, tail) = (gzip(&sample()[..20]), gzip(&sample()[20..]));
    assert_eq!(read_gzip(&[head, tail].concat()).unwrap().1, (0..12).collect::<Vec<u8>>());
}

#[test]
fn the_name_decides_about_gzip() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("images");
    fs::write(&path, gzip(&sample())).unwrap();
    let error = idx::read_file::<3, _>(&path, |byte| byte).unwrap_err();
    assert!(matches!(error, DataError::Magic { actual: 0x1f8b_0800, .. }), "{error}");

    let path = folder.path().join("images.gz");
    fs::write(&path, sample()).unwrap();
    let error = idx::read_file::<3, _>(&path, |byte| byte).unwrap_err();
    assert!(matches!(&error, DataError::NotGzip { actual, .. } if actual == &[0, 0]), "{error}");
    assert!(error.to_string().contains("images.gz"), "{error}");

    let error = idx::read_file::<3, _>(&folder.path().join("absent"), |byte| byte).unwrap_err();
    assert!(matches!(error, DataError::Io { .. }), "{error}");
}

#[test]
fn every_truncation_is_found() {
    let whole = sample();
    for length in 0..whole.len() {
        let error = read(&whole[..length]).unwrap_err();
        let expected = if length < 16 { 16 } else { 28 };
        assert!(
            matches!(error, DataError::Truncated { expected: e, actual: a, .. } if (e, a) == (expected, length as u64)),
            "{length}: {error}"
        );
    }
    let whole = gzip(&sample());
    for length in 2..whole.len() {
        let error = read_gzip(&whole[..length]).unwrap_err();
        assert!(matches!(error, DataError::CorruptGzip { .. }), "{length}: {error}");
    }
    for length in 0..2 {
        let error = read_gzip(&whole[..length]).unwrap_err();
        assert!(matches!(error, DataError::NotGzip { .. }), "{length}: {error}");
    }
}

#[test]
fn trailing_bytes_are_found() {
    let long = [sample(), vec![0]].concat();
    for error in [read(&long).unwrap_err(), read_gzip(&gzip(&long)).unwrap_err()] {
        assert!(matches!(error, DataError::TrailingBytes { expected: 28, .. }), "{error}");
    }
    let error = read_gzip(&[gzip(&sample()), b"junk of some length".to_vec()].concat()).unwrap_err();
    assert!(matches!(error, DataError::CorruptGzip { .. }), "{error}");
}

#[test]
fn a_flipped_bit_in_gzip_is_found() {
    let whole = gzip(&sample());
    // From the end of the header on: deflate data, CRC-32, length. Only padding may differ, and then nothing is wrong.
    let harmless = (10..whole.len()).filter(|&position| {
        let mut damaged = whole.clone();
        damaged[position] ^= 0x10;
        read_gzip(&damaged).is_ok_and(|(_, values)| {
            assert_eq!(values, (0..12).collect::<Vec<u8>>(), "byte {position}");
            true
        })
    });
    assert!(harmless.count() <= 1);
}

#[test]
fn wrong_magic_names_both_numbers() {
    let labels = idx::encode(&[2], &[1, 2]).unwrap();
    let error = read(&labels).unwrap_err();
    assert!(matches!(error, DataError::Magic { expected: 0x803, actual: 0x801, .. }), "{error}");
    assert_eq!(error.to_string(), "some/file: expected IDX magic number 0x00000803, got 0x00000801");
    // Floats (0x0d) are not read as bytes.
    assert!(matches!(read(&[0, 0, 0x0d, 3]).unwrap_err(), DataError::Magic { actual: 0xd03, .. }));
}

#[test]
fn a_hostile_header_does_not_reserve_memory() {
    let header = |dims: [u32; 3]| {
        let words = dims.into_iter().flat_map(u32::to_be_bytes);
        [0, 0, 8, 3].into_iter().chain(words).collect::<Vec<u8>>()
    };
    for dims in [[u32::MAX; 3], [u32::MAX, 1, 1], [1 << 29, 1, 1]] {
        let error = read(&header(dims)).unwrap_err();
        assert!(matches!(error, DataError::TooLarge { limit: idx::MAX_VALUES, .. }), "{error}");
    }
    // Within the limit, but the data are missing. Had it made room for 2^28 values of 4 KiB, that would be 1 TiB.
    let bytes = header([1 << 26, 2, 2]);
    let error = idx::read::<3, _>(&bytes[..], Path::new("hostile"), |byte| [byte; 4096]).unwrap_err();
    assert!(matches!(error, DataError::Truncated { actual: 16, .. }), "{error}");
}

#[test]
fn encode_refuses_a_shape_that_does_not_fit() {
    assert!(idx::encode(&[2, 2], &[0; 3]).is_err());
    assert!(idx::encode(&[usize::MAX, 2], &[0; 3]).is_err());
    assert!(idx::encode(&[1; 256], &[0]).is_err());
}
