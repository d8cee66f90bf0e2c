//! Files that are cut off, changed or of another kind: a typed error, never a panic, and no allocation of what they claim.

use std::fs;
use std::path::Path;

use candlelight::checkpoint::Checkpoint;
use candlelight::prelude::*;
use proptest::prelude::*;

use crate::support::Notes;

const CPU: Device = Device::Cpu;

/// A small checkpoint with everything in it.
fn small(path: &Path) -> Checkpoint {
    let params = Params::new(0, &CPU).unwrap();
    params.pp("fc").var("weight", (2, 3), Init::HeNormal).unwrap();
    params.stream("noise").unwrap();
    let notes = Notes::new(&[("m", Tensor::new(&[1f64, 2.], &CPU).unwrap())], &[("step", "3")]);
    let checkpoint = Checkpoint::new().params(&params).unwrap().state("optimizer", &notes).unwrap();
    let checkpoint = checkpoint.value("epoch", 5).unwrap();
    checkpoint.save(path).unwrap();
    checkpoint
}

fn load(folder: &Path, bytes: &[u8]) -> Result<Checkpoint> {
    let path = folder.join("file");
    fs::write(&path, bytes).unwrap();
    Checkpoint::load(&path)
}

#[track_caller]
fn refused(result: Result<Checkpoint>) -> String {
    match result {
        Err(error @ Error::Checkpoint { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// A file of `header` and `data`.
fn file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    small(&folder.path().join("whole"));
    let bytes = fs::read(folder.path().join("whole")).unwrap();
    assert!(load(folder.path(), &bytes).is_ok());
    for length in 0..bytes.len() {
        refused(load(folder.path(), &bytes[..length]));
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(refused(load(folder.path(), &longer)).contains("bytes of tensors"));
}

#[test]
fn every_flipped_bit_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let whole = small(&folder.path().join("whole"));
    let bytes = fs::read(folder.path().join("whole")).unwrap();
    let key = bytes.windows(11).position(|window| window == b"candlelight").unwrap();
    for i in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[i] ^= 1 << bit;
            match load(folder.path(), &changed) {
                Err(Error::Checkpoint { .. }) => {}
                // Without our entry it is a file of another origin, which says so and holds no sections.
                Ok(other) if (key..key + 11).contains(&i) => {
                    assert_eq!((other.version(), other.sections().len(), whole.sections().len()), (None, 0, 1));
                }
                other => panic!("bit {bit} of byte {i}: {other:?}"),
            }
        }
    }
}

#[test]
fn what_is_wrong_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let load = |bytes: &[u8]| refused(load(folder.path(), bytes));
    let huge = [&u64::MAX.to_le_bytes()[..], b"{}"].concat();
    assert!(load(&huge).contains("ask for a header of 18446744073709551615"));
    assert!(load(&100_000_001u64.to_le_bytes()).contains("header of 100000001"));
    assert!(load(b"PK\x03\x04").contains("4 bytes"));
    assert!(load(&file("[]", 0)).contains("JSON"));
    assert!(load(&file(&"[".repeat(100_000), 0)).contains("JSON"), "nested too deep");
    let one = |info: &str, data| load(&file(&format!("{{\"w\":{info}}}"), data));
    assert!(
        one(r#"{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#, 4).contains("8 bytes of tensors, and 4 are there")
    );
    one(r#"{"dtype":"F32","shape":[3],"data_offsets":[0,8]}"#, 8);
    one(r#"{"dtype":"F32","shape":[2],"data_offsets":[4,12]}"#, 12);
    one(r#"{"dtype":"F32","shape":[2],"data_offsets":[8,0]}"#, 8);
    one(r#"{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}"#, 8);
    let message = one(r#"{"dtype":"F32","shape":[0,9223372036854775807,9],"data_offsets":[0,0]}"#, 0);
    assert!(message.contains("`w` has the shape"), "{message}");
    one(r#"{"dtype":"X9","shape":[1],"data_offsets":[0,1]}"#, 1);

    // Lengths whose sum does not fit in 64 bits, which `SafeTensors::deserialize` of safetensors 0.8.0 adds up unchecked.
    let each = (1u64 << 61) - 1;
    let info =
        |i: u64| format!(r#""{i}":{{"dtype":"U8","shape":[{each}],"data_offsets":[{},{}]}}"#, i * each, (i + 1) * each);
    let eight: Vec<String> = (0..8).map(info).collect();
    assert!(load(&file(&format!("{{{}}}", eight.join(",")), 8)).contains("bytes of tensors"));

    let ours = |entry: &str| load(&file(&format!(r#"{{"__metadata__":{{"candlelight":{entry:?}}}}}"#), 0));
    assert!(ours(r#"{"version":2,"new":1}"#).contains("format version 2, and this crate reads version 1"));
    assert!(ours(r#"{"version":1,"sha256":"00","values":{},"params":{},"states":{}}"#).contains("checksum"));
    ours(r#"{"version":-1}"#);
    ours("");
}

#[test]
fn files_of_another_origin_hold_parameters_only() {
    let folder = tempfile::tempdir().unwrap();
    let empty = load(folder.path(), &file("{}", 0)).unwrap();
    assert!(empty.state_dict("").is_empty() && empty.version().is_none());
    let header = r#"{"__metadata__":{"format":"pt"},"a/b.w":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}"#;
    let other = load(folder.path(), &file(header, 8)).unwrap();
    assert_eq!(other.state_dict("")["a/b.w"].to_scalar::<i64>().unwrap(), 0);
    assert!(other.sections().is_empty() && other.get::<u32>("epoch").is_err());
    let header = r#"{"w":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}}"#;
    let other = load(folder.path(), &file(header, 1)).unwrap();
    assert_eq!((other.unreadable(), other.state_dict("").len()), (vec!["w"], 0));
}

#[test]
fn what_is_no_file_is_an_error_of_the_system() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("none"), folder.path().to_owned(), folder.path().join("none/none")] {
        let error = Checkpoint::load(&path).unwrap_err();
        // A folder opens, and has a length of its own.
        assert!(matches!(error, Error::Io { .. } | Error::Checkpoint { .. }), "{error:?}");
        assert!(error.to_string().contains(&path.display().to_string()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let folder = tempfile::tempdir().unwrap();
        refused(load(folder.path(), &bytes));
    }

    #[test]
    fn random_headers_never_panic(text in "[\\[\\]{}\":,0-9a-z_]{0,80}", data in 0usize..20) {
        let folder = tempfile::tempdir().unwrap();
        let _ = load(folder.path(), &file(&text, data));
    }

    #[test]
    fn random_tables_never_panic(
        entries in proptest::collection::vec((any::<u64>(), any::<u64>(), proptest::collection::vec(any::<u64>(), 0..4)), 0..4),
        small in any::<bool>(),
        data in 0usize..64,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let cut = |n: u64| if small { n % 9 } else { n };
        let entry = |(i, (start, end, shape)): (usize, &(u64, u64, Vec<u64>))| {
            let shape: Vec<u64> = shape.iter().map(|&n| cut(n)).collect();
            format!(r#""t{i}":{{"dtype":"F32","shape":{shape:?},"data_offsets":[{},{}]}}"#, cut(*start), cut(*end))
        };
        let entries: Vec<String> = entries.iter().enumerate().map(entry).collect();
        let _ = load(folder.path(), &file(&format!("{{{}}}", entries.join(",")), data));
    }

    #[test]
    fn changed_files_never_panic(changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..8)) {
        let folder = tempfile::tempdir().unwrap();
        small(&folder.path().join("whole"));
        let mut bytes = fs::read(folder.path().join("whole")).unwrap();
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let _ = load(folder.path(), &bytes);
    }
}
