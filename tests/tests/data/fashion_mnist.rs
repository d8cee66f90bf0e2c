//! Fashion-MNIST: the embedded subset, folders, and the order of places.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use candlelight::candle_core::{DType, Device, Storage, Tensor};
use candlelight::data::download::{Mirror, RemoteFile};
use candlelight::data::{DataError, Dataset, FashionMnist, Places, Source, idx};

use crate::support::{
    NAMES, Server, closed_port, data_error, gzip, listing, respond, sha256, small_set, write_small_set,
};

fn cpu() -> Device {
    Device::Cpu
}

fn numbers(data: &Dataset) -> (Vec<f32>, Vec<u32>) {
    (data.inputs().flatten_all().unwrap().to_vec1().unwrap(), data.targets().to_vec1().unwrap())
}

fn same(a: &FashionMnist, b: &FashionMnist) -> bool {
    numbers(&a.train) == numbers(&b.train) && numbers(&a.test) == numbers(&b.test)
}

/// Where the full set is on this machine; a test that needs it says so and passes without.
fn full_set() -> Option<PathBuf> {
    let found = Places::of_this_machine().unwrap().find();
    if found.is_none() {
        println!("skipped: the full Fashion-MNIST is not on this machine");
    }
    found
}

/// Places below `root`: two empty folders, a cache, and a server for the small set.
fn places(root: &Path, url: &str) -> Places {
    let files = [0, 1, 2, 3].map(|i| {
        let bytes = gzip(&small_set()[i]);
        RemoteFile { name: format!("{}.gz", NAMES[i]).leak(), bytes: bytes.len() as u64, sha256: sha256(&bytes).leak() }
    });
    Places {
        folders: vec![root.join("given"), root.join("system")],
        cache: Some(root.join("cache")),
        mirror: Mirror::new(url),
        files,
    }
}

fn serve_small_set() -> Server {
    Server::start(|path, stream| match NAMES.iter().position(|name| path == format!("{name}.gz")) {
        Some(i) => respond(stream, "200 OK", &gzip(&small_set()[i])),
        None => respond(stream, "404 Not Found", b""),
    })
}

#[test]
fn the_subset_is_balanced_in_every_block_of_ten() {
    let data = FashionMnist::offline(&cpu()).unwrap();
    assert_eq!(data.source, Source::Embedded);
    for (part, n) in [(&data.train, 6000), (&data.test, 1500)] {
        assert_eq!((part.inputs().dims(), part.inputs().dtype()), (&[n, 784][..], DType::F32));
        assert_eq!((part.targets().dims(), part.targets().dtype()), (&[n][..], DType::U32));
        let (pixels, labels) = numbers(part);
        for block in labels.chunks(10) {
            let mut block = block.to_vec();
            block.sort_unstable();
            assert_eq!(block, (0..10).collect::<Vec<_>>());
        }
        assert!(labels.chunks(10).any(|block| block != &labels[..10]), "the order within blocks is random");
        assert!(pixels.iter().all(|pixel| (0.0..=1.0).contains(pixel)));
        assert_eq!(pixels.iter().copied().fold(0.0, f32::max), 1.0);
        // The mean of the published training set is 0.2860.
        let mean = pixels.iter().map(|&pixel| f64::from(pixel)).sum::<f64>() / pixels.len() as f64;
        assert!((mean - 0.286).abs() < 0.01, "{mean}");
    }
}

#[test]
fn the_subset_is_drawn_from_the_full_set_as_documented() {
    let Some(folder) = full_set() else { return };
    let full = FashionMnist::from_dir(folder, &cpu()).unwrap();
    assert_eq!((full.train.len(), full.test.len()), (60_000, 10_000));
    for (part, per_class) in [(&full.train, 6000), (&full.test, 1000)] {
        let labels = part.targets().to_vec1::<u32>().unwrap();
        assert!((0..10).all(|class| labels.iter().filter(|&&label| label == class).count() == per_class));
    }
    let drawn = full.balanced(600, 150, 0).unwrap();
    assert!(same(&drawn, &FashionMnist::offline(&cpu()).unwrap()));
    assert!(!same(&drawn, &full.balanced(600, 150, 1).unwrap()));
}

#[test]
fn load_takes_what_is_on_the_machine() {
    let data = FashionMnist::load(&cpu()).unwrap();
    match full_set() {
        Some(folder) => assert_eq!(data.source, Source::Folder(folder)),
        None => assert_eq!(data.source, Source::Embedded),
    }
}

/// Not a test of its own: the program that the next test runs, with a folder in `CANDLELIGHT_DATA`.
#[test]
fn child() {
    if std::env::var_os("CANDLELIGHT_TEST_CHILD").is_some() {
        let shown = |result: candlelight::Result<FashionMnist>| match result {
            Ok(data) => data.to_string(),
            Err(error) => error.to_string(),
        };
        println!(); // libtest has begun a line of its own
        println!("load: {}", shown(FashionMnist::load(&cpu())));
        println!("full: {}", shown(FashionMnist::full(&cpu())));
    }
}

#[test]
fn a_folder_that_was_asked_for_and_is_not_there_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    write_small_set(root.path(), [true; 4]);
    let lines = |folder: &Path| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "fashion_mnist::child", "--nocapture", "--test-threads=1"]);
        command.env("CANDLELIGHT_TEST_CHILD", "").env("CANDLELIGHT_DATA", folder);
        // Where else it could be found, had the mistake gone unnoticed.
        let output = command.env("XDG_CACHE_HOME", root.path()).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let line = |start: &str| said.lines().find_map(|line| line.strip_prefix(start)).unwrap().to_owned();
        [line("load: "), line("full: ")]
    };
    let place = format!("Fashion-MNIST: 20 training and 10 test images, folder {}", root.path().display());
    assert_eq!(lines(root.path()), [place.clone(), place]);
    let empty = root.path().join("empty");
    fs::create_dir(&empty).unwrap();
    for folder in [root.path().join("mistyped"), empty.clone()] {
        for line in lines(&folder) {
            for expected in [&folder.display().to_string(), "CANDLELIGHT_DATA", NAMES[0], NAMES[3]] {
                assert!(line.contains(expected), "{line}");
            }
        }
    }
    write_small_set(&empty, [false; 4]);
    fs::remove_file(empty.join(NAMES[2])).unwrap();
    assert!(lines(&empty)[0].contains("not found"), "three of four");
}

#[test]
fn a_folder_is_read_compressed_or_not() {
    for compressed in [[true; 4], [false; 4], [true, false, false, true]] {
        let folder = tempfile::tempdir().unwrap();
        write_small_set(folder.path(), compressed);
        let data = FashionMnist::from_dir(folder.path(), &cpu()).unwrap();
        let (pixels, labels) = numbers(&data.train);
        assert_eq!(labels, (0..20).map(|i| i % 10).collect::<Vec<_>>());
        for (i, pixel) in pixels.into_iter().enumerate() {
            assert_eq!(pixel, ((i * 7) % 256) as f32 / 255.0);
        }
        let place = format!("Fashion-MNIST: 20 training and 10 test images, folder {}", folder.path().display());
        assert_eq!(data.to_string(), place);
    }
}

#[test]
fn names_with_a_dot_are_found_as_well() {
    let root = tempfile::tempdir().unwrap();
    let (dashed, dotted) = (root.path().join("dashed"), root.path().join("given"));
    for folder in [&dashed, &dotted] {
        fs::create_dir(folder).unwrap();
        write_small_set(folder, [true, false, true, false]);
    }
    for name in listing(&dotted) {
        fs::rename(dotted.join(&name), dotted.join(name.replace("-idx", ".idx"))).unwrap();
    }
    assert_eq!(listing(&dotted)[0], "t10k-images.idx3-ubyte.gz");
    let data = FashionMnist::from_dir(&dotted, &cpu()).unwrap();
    assert!(same(&data, &FashionMnist::from_dir(&dashed, &cpu()).unwrap()));
    assert_eq!(places(root.path(), &closed_port()).find(), Some(dotted));
}

#[test]
fn images_are_a_view_of_rows() {
    let data = FashionMnist::offline(&cpu()).unwrap();
    let images = data.as_images().unwrap();
    assert_eq!(images.train.inputs().dims(), [6000, 1, 28, 28]);
    assert_eq!(images.test.inputs().dims(), [1500, 1, 28, 28]);
    assert_eq!(address(images.train.inputs()), address(data.train.inputs()));
    assert!(same(&images, &data));
}

/// Where the first number of a tensor lies in memory.
pub fn address(tensor: &Tensor) -> usize {
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else { panic!("not on the CPU") };
    storage.as_slice::<f32>().unwrap()[layout.start_offset()..].as_ptr() as usize
}

#[test]
fn what_is_wrong_in_a_folder_is_named() {
    // (which file is replaced, by what, whether the error is the right one)
    type Check = fn(&DataError) -> bool;
    let images = |n: usize, side: usize| idx::encode(&[n, side, side], &vec![0; n * side * side]).unwrap();
    let mut bad_label = vec![9; 20];
    bad_label[13] = 10;
    let cases: [(usize, Vec<u8>, Check); 5] = [
        (0, images(20, 27), |error| matches!(error, DataError::ImageSize { actual: [27, 27], .. })),
        (0, images(19, 28), |error| matches!(error, DataError::Count { expected: 19, actual: 20, .. })),
        (3, idx::encode(&[11], &[0; 11]).unwrap(), |error| {
            matches!(error, DataError::Count { expected: 10, actual: 11, .. })
        }),
        (1, idx::encode(&[20], &bad_label).unwrap(), |error| {
            matches!(error, DataError::Label { label: 10, position: 13, classes: 10, .. })
        }),
        (2, small_set()[2][..5000].to_vec(), |error| {
            matches!(error, DataError::Truncated { expected: 7856, actual: 5000, .. })
        }),
    ];
    for (file, bytes, check) in cases {
        let folder = tempfile::tempdir().unwrap();
        write_small_set(folder.path(), [false; 4]);
        let path = folder.path().join(NAMES[file]);
        fs::write(&path, bytes).unwrap();
        let error = data_error(FashionMnist::from_dir(folder.path(), &cpu()));
        assert!(check(&error), "{error:?}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
}

#[test]
fn a_missing_file_is_named_with_every_place() {
    for missing in NAMES {
        let folder = tempfile::tempdir().unwrap();
        write_small_set(folder.path(), [false; 4]);
        fs::remove_file(folder.path().join(missing)).unwrap();
        let error = data_error(FashionMnist::from_dir(folder.path(), &cpu()));
        assert!(matches!(&error, DataError::NotFound { what, .. } if what == missing), "{error:?}");
        let plain = folder.path().join(missing).display().to_string();
        let dotted = plain.replace("-idx", ".idx");
        let places = format!("{plain}.gz, {plain}, {dotted}.gz, {dotted};");
        for expected in [&places, "dataset-fashion-mnist", "FashionMnist::offline"] {
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}

#[test]
fn places_are_looked_at_in_order() {
    let root = tempfile::tempdir().unwrap();
    let places = places(root.path(), &closed_port());
    for name in ["cache", "system", "given"] {
        fs::create_dir(root.path().join(name)).unwrap();
        write_small_set(&root.path().join(name), [true; 4]);
        let data = FashionMnist::full_from(&places, &cpu()).unwrap();
        assert_eq!(data.source, Source::Folder(root.path().join(name)));
    }
    // A folder that lacks a file is passed over.
    fs::remove_file(root.path().join("given").join(format!("{}.gz", NAMES[3]))).unwrap();
    assert_eq!(places.find(), Some(root.path().join("system")));
}

#[test]
fn the_full_set_is_downloaded_once() {
    let (server, root) = (serve_small_set(), tempfile::tempdir().unwrap());
    let places = places(root.path(), &server.url);
    let cache = root.path().join("cache");
    let first = FashionMnist::full_from(&places, &cpu()).unwrap();
    assert_eq!(first.source, Source::Download { url: server.url.clone(), folder: cache.clone() });
    assert_eq!(server.requests(), 4);

    let second = FashionMnist::full_from(&places, &cpu()).unwrap();
    assert_eq!(second.source, Source::Folder(cache.clone()));
    assert_eq!(server.requests(), 4);
    assert!(same(&first, &second));

    // Only what is missing is fetched.
    fs::remove_file(cache.join(format!("{}.gz", NAMES[2]))).unwrap();
    FashionMnist::full_from(&places, &cpu()).unwrap();
    assert_eq!(server.requests(), 5);
    assert_eq!(listing(&cache).len(), 4);
}

#[test]
fn a_set_that_cannot_be_had_names_every_place_and_the_reason() {
    let root = tempfile::tempdir().unwrap();
    let mut places = places(root.path(), &closed_port());
    let error = data_error(FashionMnist::full_from(&places, &cpu()));
    let DataError::Unavailable { source, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(**source, DataError::Transport { .. }), "{source:?}");
    for expected in ["given", "system", "cache", &places.mirror.url, "CANDLELIGHT_DATA"] {
        assert!(error.to_string().contains(expected), "{error}");
    }

    let server = Server::start(|_, stream| respond(stream, "404 Not Found", b""));
    places.mirror = Mirror::new(&server.url);
    let error = data_error(FashionMnist::full_from(&places, &cpu()));
    let DataError::Unavailable { source, .. } = error else { panic!("{error:?}") };
    assert!(matches!(*source, DataError::HttpStatus { status: 404, .. }), "{source:?}");
    assert_eq!(listing(&root.path().join("cache")), [""; 0]);

    places.cache = None;
    let error = data_error(FashionMnist::full_from(&places, &cpu()));
    assert!(matches!(&error, DataError::NotFound { looked, .. } if looked.len() == 2), "{error:?}");
}

/// The published files, rebuilt from Debian's, which lost the name and the time in their gzip headers. The times were
/// found by trying until the MD5 sums of Zalando's README came out.
fn published(name: &str) -> Vec<u8> {
    let time: u32 = if name.starts_with("train") { 1_504_176_606 } else { 1_504_176_627 };
    let debian = fs::read(Path::new(Places::DEBIAN).join(name)).unwrap();
    let mut bytes = vec![0x1f, 0x8b, 8, 8];
    bytes.extend(time.to_le_bytes());
    bytes.extend([0, 3]);
    bytes.extend(name.trim_end_matches(".gz").bytes());
    bytes.push(0);
    bytes.extend(&debian[10..]);
    bytes
}

#[test]
fn the_published_files_pass_the_pinned_checksums() {
    if !Path::new(Places::DEBIAN).is_dir() {
        println!("skipped: the package dataset-fashion-mnist is not installed");
        return;
    }
    let server = Server::start(|path, stream| respond(stream, "200 OK", &published(path)));
    let root = tempfile::tempdir().unwrap();
    let places = Places { folders: vec![], files: Places::FILES, ..places(root.path(), &server.url) };
    let downloaded = FashionMnist::full_from(&places, &cpu()).unwrap();
    assert_eq!((downloaded.train.len(), downloaded.test.len()), (60_000, 10_000));
    assert!(same(&downloaded, &FashionMnist::from_dir(Places::DEBIAN, &cpu()).unwrap()));
    assert_eq!(listing(&root.path().join("cache")).len(), 4);
}
