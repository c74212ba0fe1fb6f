//! Other engines on our files, from Python: DuckDB, ClickHouse (chdb), pyarrow and DataFusion.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::{demo, shell};

/// Counts the demo's rows with DuckDB and finds its session by post-NAT address and port.
pub fn duckdb() -> Result<()> {
    let python = python()?;
    let script = shell::root().join("scripts/read_with_duckdb.py");
    shell::run(Command::new(python).arg(script).arg(demo::data_dir()))
}

/// Asks other engines who held a public address and port, by the views that `logweir views` prints
/// of the demo's files, and compares their answers with those of `logweir trace`.
pub fn engines() -> Result<()> {
    let python = python()?;
    let has_engines = || {
        let mut import = Command::new(&python);
        shell::output(import.args(["-c", "import chdb, datafusion, pyarrow"])).is_ok()
    };
    if !has_engines() {
        println!("installing the Python packages chdb, datafusion and pyarrow (1 GB)");
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", "chdb", "datafusion", "pyarrow"]);
        shell::output(&mut install)
            .context("they could not be installed by pip: is a package registry reachable?")?;
    }
    let script = shell::root().join("scripts/ask_other_engines.py");
    let logweir = shell::target_dir().join("release/logweir");
    shell::run(Command::new(python).arg(script).arg(logweir).arg(demo::data_dir()))
}

/// Counts the rows of one family of a store with DuckDB.
pub fn count_rows(data: &Path, family: &str) -> Result<u64> {
    if !data.join(format!("family={family}")).is_dir() {
        return Ok(0);
    }
    let files = data.join(format!("family={family}/**/*.parquet"));
    let script = "import duckdb, sys; print(duckdb.sql(\
        \"select count(*) from read_parquet('\" + sys.argv[1] + \"')\").fetchall()[0][0])";
    let count = shell::output(Command::new(python()?).args(["-c", script]).arg(files))?;
    Ok(count.trim().parse()?)
}

/// Seconds that DuckDB takes to find the sessions of one public address and port in a store: the
/// least of three, without the time of its start. It rules out what the files' statistics allow.
pub fn scan_for_port(data: &Path) -> Result<f64> {
    let files = data.join("family=session/**/*.parquet");
    let script = "import duckdb, sys, time\n\
        query = f\"select src_addr_v4, src_port, event, epoch(event_time) from read_parquet('{sys.argv[1]}') where \
        nat_src_addr_v4 = 3405803786 and nat_src_port = 30000\"\n\
        def ask():\n    begun = time.time(); duckdb.sql(query).fetchall(); return time.time() - begun\n\
        print(min(ask() for _ in range(3)))";
    let seconds = shell::output(Command::new(python()?).args(["-c", script]).arg(files))?;
    Ok(seconds.trim().parse()?)
}

/// A Python with DuckDB, in an environment that only this checkout uses.
fn python() -> Result<std::path::PathBuf> {
    let environment = shell::target_dir().join("python");
    let python = environment.join("bin/python");
    let has_duckdb = || {
        let mut import = Command::new(&python);
        python.is_file() && shell::output(import.args(["-c", "import duckdb"])).is_ok()
    };
    if has_duckdb() {
        return Ok(python);
    }
    if shell::find("python3").is_none() {
        shell::apt_install(&["python3-venv"], "reading our files with DuckDB")?;
    }
    println!("installing the Python package duckdb into {}", environment.display());
    let make = |command: &mut Command| shell::output(command).map(drop);
    if make(Command::new("python3").args(["-m", "venv"]).arg(&environment)).is_err() {
        shell::apt_install(&["python3-venv"], "a Python environment")?;
        make(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    }
    shell::output(Command::new(&python).args(["-m", "pip", "install", "--quiet", "duckdb>=1.1"]))
        .context("DuckDB could not be installed by pip: is a package registry reachable?")?;
    if has_duckdb() { Ok(python) } else { bail!("DuckDB was installed and cannot be imported") }
}
