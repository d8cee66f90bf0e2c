//! The modules that were loaded, and their kernels as far as they were asked for.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use crate::machine::Program;
use crate::memory;
use crate::ptx::{Module, decode};

/// Bytes of shared memory that a launch may ask for, unless the program has allowed more.
const SHARED: u32 = 49152;

/// A kernel that was asked for.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub(crate) program: Program,
    pub(crate) shared_limit: std::sync::atomic::AtomicU32,
}

#[derive(Debug)]
struct Loaded {
    module: Module,
    /// Variables: where they lie, and their size.
    variables: HashMap<String, (u64, usize)>,
    /// Handles of kernels.
    kernels: HashMap<String, usize>,
}

/// All that has a handle.
#[derive(Debug, Default)]
pub(crate) struct Store {
    modules: HashMap<usize, Loaded>,
    kernels: HashMap<usize, Arc<Kernel>>,
    last: usize,
}

/// The store.
pub(crate) fn store() -> MutexGuard<'static, Store> {
    static STORE: LazyLock<Mutex<Store>> = LazyLock::new(Mutex::default);
    STORE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    fn fresh(&mut self) -> usize {
        self.last += 16;
        self.last
    }

    /// Reads a module and gives its variables memory.
    pub(crate) fn load(&mut self, text: &str) -> Result<usize, String> {
        let module = Module::read(text)?;
        let mut variables = HashMap::new();
        for variable in module.variables.iter().filter(|variable| variable.space != crate::ptx::Space::Shared) {
            if variable.size == 0 {
                continue;
            }
            let size = variable.size;
            let address =
                memory::allocate(size).ok_or_else(|| format!("no room for the variable {}", variable.name))?;
            let given = variable.begins.len().min(size);
            // SAFETY: `size` bytes were just allocated, and nobody else knows of them.
            unsafe {
                (address as *mut u8).write_bytes(0, size);
                (address as *mut u8).copy_from_nonoverlapping(variable.begins.as_ptr(), given);
            }
            variables.insert(variable.name.clone(), (address, size));
        }
        let handle = self.fresh();
        self.modules.insert(handle, Loaded { module, variables, kernels: HashMap::new() });
        Ok(handle)
    }

    /// Forgets a module, its variables and kernels; `false` if there is none.
    pub(crate) fn unload(&mut self, handle: usize) -> bool {
        let Some(loaded) = self.modules.remove(&handle) else {
            return false;
        };
        for kernel in loaded.kernels.values() {
            self.kernels.remove(kernel);
        }
        for (address, _) in loaded.variables.values() {
            memory::free(*address);
        }
        true
    }

    /// The handle of a kernel, which is decoded the first time. `None` if there is no such module or kernel.
    pub(crate) fn kernel(&mut self, module: usize, name: &str) -> Option<Result<usize, String>> {
        let handle = self.fresh();
        let loaded = self.modules.get_mut(&module)?;
        if let Some(&known) = loaded.kernels.get(name) {
            return Some(Ok(known));
        }
        if !loaded.module.entries.contains_key(name) {
            return None;
        }
        let addresses = loaded.variables.iter().map(|(name, (address, _))| (name.clone(), *address)).collect();
        Some(decode(&loaded.module, name, &addresses).map(|program| {
            loaded.kernels.insert(name.to_string(), handle);
            self.kernels.insert(handle, Arc::new(Kernel { program, shared_limit: SHARED.into() }));
            handle
        }))
    }

    /// A kernel by its handle.
    pub(crate) fn find(&self, handle: usize) -> Option<Arc<Kernel>> {
        self.kernels.get(&handle).cloned()
    }

    /// Where a variable of a module lies, and its size.
    pub(crate) fn variable(&self, module: usize, name: &str) -> Option<(u64, usize)> {
        self.modules.get(&module)?.variables.get(name).copied()
    }
}
