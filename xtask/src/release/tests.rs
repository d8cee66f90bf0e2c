//! What set-up takes of a release, and what it refuses: in a folder, and from a server on this machine.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use super::{Build, PROGRAMS, Place, SUMS, choose, sha256, unpack};

fn build(sources: &str, rust: &str, glibc: (u32, u32), host: &str) -> Build {
    Build { sources: sources.into(), rust: rust.into(), glibc, host: host.into() }
}

const LINUX: &str = "x86_64-unknown-linux-gnu";

#[test]
fn the_name_of_an_archive_says_what_it_is() {
    let made = build("0.22.0-0123456789abcdef", "1.95.0", (2, 34), LINUX);
    let name = "candlelight-kernel-0.22.0-0123456789abcdef-rust1.95.0-glibc2.34-x86_64-unknown-linux-gnu.tar.gz";
    assert_eq!(made.archive(), name);
    assert_eq!(Build::of_archive(name), Some(made));
    for other in ["SHA256SUMS", "candlelight-kernel-0.22.0-01.tar.gz", &name.replace("2.34", "new"), &name[1..]] {
        assert_eq!(Build::of_archive(other), None, "{other}");
    }
}

#[test]
fn an_archive_fits_by_sources_host_compiler_and_library() {
    let here = build("0.22.0-a", "1.95.0", (2, 36), LINUX);
    let fits = build("0.22.0-a", "1.95.0", (2, 34), LINUX);
    for (other, why) in [
        (Build { sources: "0.22.0-b".into(), ..fits.clone() }, "other sources (0.22.0-b) than these (0.22.0-a)"),
        (Build { host: "aarch64-unknown-linux-gnu".into(), ..fits.clone() }, "is for aarch64-unknown-linux-gnu"),
        (Build { rust: "1.96.0".into(), ..fits.clone() }, "compiled by Rust 1.96.0, and here is 1.95.0"),
        (Build { glibc: (2, 39), ..fits.clone() }, "needs glibc 2.39, and here is 2.36"),
    ] {
        assert!(other.misfit(&here).is_some_and(|misfit| misfit.contains(why)), "{why}");
        let sums = format!("aa  {}\nbb  {}\n", other.archive(), fits.archive());
        assert_eq!(choose(&sums, None, &here).unwrap(), ("bb", &*fits.archive()));
        let only = choose(&sums, Some(&other.archive()), &here).unwrap_err().to_string();
        assert!(only.contains(why), "{only}");
    }
    // The same glibc is new enough; and `sha256sum --binary` puts a star before a name.
    let same = Build { glibc: (2, 36), ..fits.clone() };
    assert_eq!(choose(&format!("cc *{}\n", same.archive()), None, &here).unwrap().0, "cc");
    let none = choose("", None, &here).unwrap_err().to_string();
    assert_eq!(none, "there is no release of the kernel in the place that was named");
}

fn fits() -> Build {
    build("0.22.0-a", "1.95.0", (2, 34), LINUX)
}

/// A folder of this test alone, with a release in it.
struct Release {
    folder: PathBuf,
}

impl Release {
    /// Its second program is this script of the shell.
    fn new(test: &str, build: &Build, script: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("candlelight-release-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let made = Self { folder };
        fs::create_dir_all(made.at("made/bin")).expect("a folder");
        for (name, text) in PROGRAMS.iter().zip(["#!/bin/sh\n", script]) {
            let file = made.at("made/bin").join(name);
            fs::write(&file, text).expect("a program");
            assert!(Command::new("chmod").arg("+x").arg(&file).status().is_ok_and(|status| status.success()));
        }
        made.pack(build);
        made
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What lies in `made`, with its checksum.
    fn pack(&self, build: &Build) {
        let archive = self.at(&build.archive());
        let packed = Command::new("tar").arg("-czf").arg(&archive).arg("-C").arg(self.at("made")).arg("bin").status();
        assert!(packed.is_ok_and(|status| status.success()));
        self.sum(build);
    }

    fn sum(&self, build: &Build) {
        let name = build.archive();
        let sum = sha256(&self.at(&name)).expect("a checksum");
        fs::write(self.at(SUMS), format!("{sum}  {name}\n")).expect("a file");
    }

    /// Changes the bytes of the archive, not its checksum.
    fn change(&self, build: &Build, change: impl FnOnce(&mut Vec<u8>)) {
        let file = self.at(&build.archive());
        let mut bytes = fs::read(&file).expect("the archive");
        change(&mut bytes);
        fs::write(file, bytes).expect("the archive");
    }

    /// Takes it, on a machine with glibc 2.36; what went wrong.
    fn take(&self, place: &str) -> Result<String, String> {
        let here = Build { glibc: (2, 36), ..fits() };
        let place = Place::of(place).map_err(|error| error.to_string())?;
        unpack(&place, None, &here, &self.at("taken")).map_err(|error| error.to_string())
    }

    fn folder(&self) -> String {
        self.folder.display().to_string()
    }

    /// The address of a server that sends these files, or what `answer` writes in place of one whose name it takes.
    fn serve(&self, answer: impl Fn(&str, &mut TcpStream) -> bool + Send + 'static) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("its address"));
        let folder = self.folder.clone();
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut lines = BufReader::new(stream.try_clone().expect("the stream")).lines().map_while(Result::ok);
                let request = lines.next().unwrap_or_default();
                lines.find(String::is_empty);
                let name = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
                if !answer(&name, &mut stream) {
                    match fs::read(folder.join(&name)) {
                        Ok(body) => respond(&mut stream, "200 OK", body.len(), &body),
                        Err(_) => respond(&mut stream, "404 Not Found", 0, &[]),
                    }
                }
            }
        });
        address
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A client that hangs up early is its own affair.
fn respond(stream: &mut TcpStream, status: &str, length: usize, body: &[u8]) {
    let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(body);
}

const STARTS: &str = "#!/bin/sh\nexit 0\n";

#[test]
fn a_release_that_fits_is_taken_from_a_file_a_folder_and_a_server() {
    let release = Release::new("takes", &fits(), STARTS);
    let archive = release.at(&fits().archive());
    for place in [release.folder(), archive.display().to_string(), release.serve(|_, _| false)] {
        assert_eq!(release.take(&place), Ok(fits().archive()));
        let mut left: Vec<_> = fs::read_dir(release.at("taken")).expect("a folder").flatten().collect();
        left.retain(|entry| entry.file_name() != SUMS);
        assert_eq!(left.len(), 1, "{left:?}");
        assert!(PROGRAMS.iter().all(|program| release.at("taken/bin").join(program).is_file()));
    }
    assert!(archive.is_file(), "that of a folder stays");
}

#[test]
fn a_damaged_archive_is_refused_before_it_is_opened() {
    let release = Release::new("damaged", &fits(), STARTS);
    release.change(&fits(), |bytes| bytes[20] ^= 1);
    for place in [release.folder(), release.serve(|_, _| false)] {
        let error = release.take(&place).unwrap_err();
        assert!(error.contains("is damaged, or is another: its SHA-256 is "), "{error}");
        assert!(!release.at("taken/bin").exists());
    }
    release.change(&fits(), |bytes| bytes.truncate(bytes.len() / 2));
    let error = release.take(&release.folder()).unwrap_err();
    assert!(error.contains("is damaged"), "{error}");
    // As it was packed, too.
    release.sum(&fits());
    let error = release.take(&release.folder()).unwrap_err();
    assert!(error.starts_with("tar failed"), "{error}");
}

#[test]
fn a_server_that_fails_is_said_in_one_sentence() {
    let release = Release::new("server", &fits(), STARTS);
    let archive = |name: &str| name.ends_with(".tar.gz");
    let cut = release.serve(move |name, stream| {
        archive(name) && {
            respond(stream, "200 OK", 1000, &[0; 400]);
            true
        }
    });
    let endless = release.serve(move |name, stream| {
        name == SUMS && {
            respond(stream, "200 OK", 2_000_000, &vec![b' '; 2_000_000]);
            true
        }
    });
    let broken = release.serve(move |name, stream| {
        archive(name) && {
            respond(stream, "500 Internal Server Error", 0, &[]);
            true
        }
    });
    let closed =
        format!("http://{}", TcpListener::bind("127.0.0.1:0").and_then(|own| own.local_addr()).expect("a port"));
    for (place, says) in [
        (cut, "400 bytes came, of 1000"),
        (endless, "it is longer than 1000000 bytes"),
        (broken, "HTTP Error 500"),
        (format!("{closed}/kernels"), "Connection refused"),
        ("ftp://127.0.0.1/kernels".to_owned(), "an address begins with http:// or https://"),
    ] {
        let error = release.take(&place).unwrap_err();
        assert!(error.starts_with(&place) && error.contains(" cannot be fetched (") && error.contains(says), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn a_place_without_a_release_that_fits_is_said_in_one_sentence() {
    let other = Build { rust: "1.94.0".into(), ..fits() };
    let release = Release::new("misfit", &other, STARTS);
    let error = release.take(&release.folder()).unwrap_err();
    assert_eq!(error, "no release of the kernel fits: it was compiled by Rust 1.94.0, and here is 1.95.0");
    let error = release.take("/no/such/place").unwrap_err();
    assert!(error.starts_with("CANDLELIGHT_KERNEL names \"/no/such/place\": No such file"), "{error}");
    fs::remove_file(release.at(SUMS)).expect("removed");
    let error = release.take(&release.folder()).unwrap_err();
    assert!(error.contains("SHA256SUMS: No such file"), "{error}");
}

#[test]
fn programs_that_are_missing_or_do_not_start_are_refused() {
    let release = Release::new("programs", &fits(), "#!/no/such/interpreter\n");
    let error = release.take(&release.folder()).unwrap_err();
    assert!(error.contains("cannot start") && error.contains(PROGRAMS[1]), "{error}");
    fs::remove_file(release.at("made/bin").join(PROGRAMS[0])).expect("removed");
    release.pack(&fits());
    let error = release.take(&release.folder()).unwrap_err();
    assert!(error.ends_with("holds no candlelight-kernel"), "{error}");
}

#[test]
fn checksums_of_the_repository_count_alone_where_they_are_given() {
    let release = Release::new("known", &fits(), STARTS);
    let name = fits().archive();
    let right = fs::read_to_string(release.at(SUMS)).expect("checksums");
    // Whoever can change the archive can change what lies beside it.
    fs::remove_file(release.at(SUMS)).expect("removed");
    let take = |known: &str| {
        let here = Build { glibc: (2, 36), ..fits() };
        let place = Place::of(&release.folder()).expect("the folder");
        unpack(&place, Some(known), &here, &release.at("taken")).map_err(|error| error.to_string())
    };
    assert_eq!(take(&right), Ok(name.clone()));
    let other = take(&format!("{}  {name}\n", "0".repeat(64))).unwrap_err();
    assert!(other.contains("is damaged, or is another"), "{other}");
    assert!(take("").is_err());
}
