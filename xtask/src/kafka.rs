//! Apache Kafka, for whatever starts one: the jars that `tools/kafka/pom.xml` names, fetched once into the target folder.

use crate::system::answers;
use crate::{root, run, target};
use anyhow::{Context, Result};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The folder of the jars; none where there is no Java or no Maven to fetch them with.
pub fn jars() -> Result<Option<PathBuf>> {
    let (pom, jars) = (root().join("tools/kafka/pom.xml"), target().join("parts/kafka"));
    let wanted = fs::read(&pom).with_context(|| format!("cannot read {}", pom.display()))?;
    // It stands beside the jars once all of them are there.
    let fetched = jars.join("pom.xml");
    if fs::read(&fetched).is_ok_and(|fetched| fetched == wanted) {
        return Ok(Some(jars));
    }
    if !["java", "mvn"].iter().all(|program| answers(program, &["-version"])) {
        println!("no Kafka for the tests: it needs a JDK and Maven (Debian: default-jdk-headless, maven)");
        return Ok(None);
    }
    let output = format!("-DoutputDirectory={}", jars.display());
    let mut maven = Command::new("mvn");
    maven.args(["--quiet", "--batch-mode", "--file"]).arg(&pom).args([
        "dependency:copy-dependencies",
        "-DincludeScope=runtime",
        &output,
    ]);
    run(&mut maven)?;
    fs::write(&fetched, wanted)?;
    Ok(Some(jars))
}
