//! Certificates that a test makes for itself.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Makes the certificates of an authority, `ca.pem`, and of `localhost`, `server.pem` with `server.key`; `None` without
/// openssl's command.
pub fn make(directory: &Path) -> Option<()> {
    let run = |words: &str| {
        let mut openssl = Command::new("openssl");
        let output = openssl.current_dir(directory).args(words.split(' ')).output().ok()?;
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
        Some(())
    };
    let extensions = "basicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n";
    fs::write(directory.join("extensions"), extensions).unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    run(&format!(
        "req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=authority -addext keyUsage=keyCertSign"
    ))?;
    run(&format!("req {key} -keyout server.key -out server.csr -subj /CN=localhost"))?;
    run("x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out server.pem")
}
