//! The three operations: a convolution, and the gradients of its input and of its filter.

use super::convolution::Sizes;
use super::status::{Outcome, Status, bad, failed, finish, give, unsupported_shape};
use super::tensor::{Kind, Placed, Tensor};
use super::{descriptor, library};
use crate::number::Number;
use crate::{counts, memory};

/// The operation that is to be refused when it runs, though its workspace was told: the library may find out so late.
const REFUSES: &str = "CARD_REFUSES";
/// What an address has to be a multiple of: some of the library's kernels ask for it.
const ALIGN: u64 = 16;
/// The bytes of workspace that each operation asks for.
const WORKSPACE: usize = 256;

/// What a tensor is to a convolution; its gradient is too.
#[derive(Clone, Copy, Debug)]
enum Role {
    Input,
    Filter,
    Output,
}
use Role::{Filter, Input, Output};

/// An operation that is asked for.
struct Call {
    name: &'static str,
    handle: usize,
    gives: Role,
    /// Those of what it takes and of what it gives.
    descriptors: [usize; 3],
    convolution: usize,
    algorithm: i32,
    /// How many algorithms there are.
    algorithms: i32,
}

/// An operation whose parameters fit each other.
struct Checked {
    tensors: [Tensor; 3],
    sizes: Sizes,
    tf32: bool,
}

/// Where an operation finds and leaves its numbers.
struct Memory {
    /// The factors lie with the host, all else on the device.
    alpha: usize,
    beta: usize,
    tensors: [u64; 3],
    workspace: u64,
    workspace_size: usize,
}

impl Call {
    fn check(&self) -> Outcome<Checked> {
        library::check(self.handle)?;
        let convolution = descriptor::convolution(self.convolution)?;
        if !(0..self.algorithms).contains(&self.algorithm) {
            return bad(format!("the algorithm {}, where one below {} is expected", self.algorithm, self.algorithms));
        }
        // Where the input, the filter and the output stand among the parameters.
        let [x, w, y] = match self.gives {
            Output => [0, 1, 2],
            Input => [2, 0, 1],
            Filter => [0, 2, 1],
        };
        let look_up = |at: usize| {
            let find = if at == w { descriptor::filter } else { descriptor::tensor };
            find(self.descriptors[at])
        };
        let tensors = [look_up(0)?, look_up(1)?, look_up(2)?];
        let sizes = Sizes::new(&tensors[x], &tensors[w], &tensors[y], &convolution)?;
        tensors[2].check_distinct()?;
        Ok(Checked { tensors, sizes, tf32: convolution.tf32 })
    }

    /// # Safety
    ///
    /// The addresses of the factors are 0 or those of a number of the tensors' type.
    unsafe fn run(&self, memory: &Memory) -> Outcome {
        let checked = self.check()?;
        if std::env::var(REFUSES).is_ok_and(|name| name == self.name) {
            return unsupported_shape(format!("refused, as {REFUSES} asks"));
        }
        match checked.tensors[0].kind {
            // SAFETY: by the caller.
            Kind::F32 => unsafe { self.compute::<f32>(&checked, memory) },
            // SAFETY: by the caller.
            Kind::F64 => unsafe { self.compute::<f64>(&checked, memory) },
        }
    }

    /// # Safety
    ///
    /// As [`Call::run`].
    unsafe fn compute<T: Number>(&self, checked: &Checked, memory: &Memory) -> Outcome {
        let Memory { alpha, beta, tensors, workspace, workspace_size } = *memory;
        if alpha == 0 || beta == 0 {
            return bad("a null pointer for α or β".to_string());
        }
        // SAFETY: by the caller.
        let [alpha, beta] = [alpha, beta].map(|factor| unsafe { *(factor as *const T) }.wide());
        if workspace_size < WORKSPACE {
            return bad(format!("a workspace of {workspace_size} bytes, where {WORKSPACE} are expected"));
        }
        counts::launch(&format!("{}({})", self.name, self.algorithm));
        let live = memory::live();
        if !live.holds(workspace, workspace_size) {
            return failed(format!(
                "a workspace of {workspace_size} bytes at {workspace:#x}, where they are not allocated"
            ));
        }
        if let Some(address) = tensors.iter().find(|address| !address.is_multiple_of(ALIGN)) {
            return failed(format!("a tensor at {address:#x}, where a multiple of {ALIGN} is expected"));
        }
        let place = |at: usize| Placed::new::<T>(checked.tensors[at], tensors[at], &live);
        let (first, second, result) = (place(0)?, place(1)?, place(2)?);
        // So that what a program keeps in the workspace is lost, as on a card: the bytes are no numbers.
        // SAFETY: they were just found allocated, and `live` keeps them so.
        unsafe { (workspace as *mut u8).write_bytes(0xff, workspace_size) };
        let (first, second) = (first.read::<T>(checked.tf32), second.read::<T>(checked.tf32));
        let numbers = match self.gives {
            Output => checked.sizes.output(&first, &second),
            Input => checked.sizes.input(&first, &second),
            Filter => checked.sizes.filter(&first, &second),
        };
        result.write::<T>(&numbers, alpha, beta);
        Ok(())
    }
}

/// An operation, and the bytes of workspace that it asks for.
macro_rules! operations {
    ($($name:ident, $workspace:ident: $gives:ident, $algorithms:literal;)*) => {$(
        /// # Safety
        ///
        /// `alpha` and `beta` are null or point to a number of the tensors' type.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(
            handle: usize, alpha: usize, first: usize, at_first: u64, second: usize, at_second: u64, convolution: usize, algorithm: i32,
            workspace: u64, workspace_size: usize, beta: usize, result: usize, at_result: u64,
        ) -> Status {
            let (name, descriptors) = (stringify!($name), [first, second, result]);
            let call = Call { name, handle, gives: $gives, descriptors, convolution, algorithm, algorithms: $algorithms };
            let memory = Memory { alpha, beta, tensors: [at_first, at_second, at_result], workspace, workspace_size };
            // SAFETY: by the caller.
            finish(name, unsafe { call.run(&memory) })
        }

        /// # Safety
        ///
        /// `size` is null or points to room for a number.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $workspace(
            handle: usize, first: usize, second: usize, convolution: usize, result: usize, algorithm: i32, size: *mut usize,
        ) -> Status {
            let (name, descriptors) = (stringify!($workspace), [first, second, result]);
            let call = Call { name, handle, gives: $gives, descriptors, convolution, algorithm, algorithms: $algorithms };
            // SAFETY: by the caller.
            finish(name, call.check().and_then(|_| unsafe { give(size, WORKSPACE) }))
        }
    )*};
}
operations! {
    cudnnConvolutionForward, cudnnGetConvolutionForwardWorkspaceSize: Output, 8;
    cudnnConvolutionBackwardData, cudnnGetConvolutionBackwardDataWorkspaceSize: Input, 6;
    cudnnConvolutionBackwardFilter, cudnnGetConvolutionBackwardFilterWorkspaceSize: Filter, 7;
}
