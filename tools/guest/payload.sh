# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Builds the userspace and collects the files for a guest: the installed tree, the module and, on request, the test
# programs and tests/. It must never leave a file in the repository outside the build directory.

# build_userspace STAGE: builds the guest's programs in the build directory, and installs the library and the command
# under STAGE. Sets userspace to the directory where they were built.
build_userspace() {
	local stage=$1 options=()
	userspace=$build
	if [[ $userspace_architecture != amd64 ]]; then
		ready_libraries
		userspace+=/$userspace_architecture
		options=("-DCMAKE_TOOLCHAIN_FILE=$guest/foreign.cmake" "-DMODDB_PROCESSOR=$userspace_processor"
			"-DMODDB_SYSROOT=$library_root")
	fi
	locked "$build/.vm.lock" make_and_install "$stage" "${options[@]}"
}

make_and_install() {
	local stage=$1 targets=(moddb moddb_command) components=(lib cli) component
	shift
	# An empty name means all components.
	[[ -z $tests ]] || targets=(all) components=('')
	[[ -z $tests || $userspace_architecture != amd64 ]] || targets+=(generated-client python-asan)
	if [[ ! -e $userspace/build.ninja ]]; then
		step "configuring the build" cmake -S "$repo" -B "$userspace" -G Ninja "$@"
		((step_status == 0)) || die "cmake cannot configure the build"
	fi
	# ninja's output has the compiler's warnings, unless there was nothing to do.
	nice -n 5 ninja -C "$userspace" --quiet "${targets[@]}" | { grep -vxF 'ninja: no work to do.' || true; } >&2 ||
		die "the userspace does not build"
	for component in "${components[@]}"; do
		cmake --install "$userspace" ${component:+--component "$component"} --prefix "$stage/usr" >/dev/null ||
			die "cmake cannot install the build"
	done
}

# make_payload IMAGE STAGE COMMAND...: the image that the guest mounts at /opt/moddb. Besides the programs it has
# .guest/, with the init and its settings.
make_payload() {
	local image=$1 stage=$2 package
	shift 2
	if [[ -n $tests ]]; then
		mkdir "$stage/python"
		cp -a "$userspace/guest/." "$repo/tests" "$stage/"
		cp -a "$repo/python/tests" "$repo/python/examples" "$repo/docs/python.md" "$stage/python/"
	fi
	for package in "${!published[@]}"; do
		mkdir -p "$stage/published/$package"
		# Tests of another release need the code of that release.
		if [[ -e ${published[$package]}/.release ]]; then
			cp -a "${published[$package]}/." "$stage/published/$package/"
		else
			cp -a "${published[$package]}/tests" "$stage/published/$package/"
		fi
	done
	[[ -z $module ]] || cp "$module" "$stage/moddb.ko"
	[[ -z $tests_module ]] || cp "$tests_module" "$stage/moddb-tests.ko"
	cp "$guest"/{init,fstab} "$stage/.guest/"
	declare -p module_args time_limit share icount interactive start_mark port shell_terminal >"$stage/.guest/settings"
	if (($# == 1)); then
		printf '%s\n' "$1" >"$stage/.guest/command"
	else
		printf '%q ' "$@" >"$stage/.guest/command"
	fi
	make_image "$image" moddb-payload "$stage" 0
}
