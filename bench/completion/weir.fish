# Programs by their names, options by what the program's --help says: nothing here to be kept up to date.
function __weir_programs
    weir --help | string replace -rf '^  ([a-z]+)  +(.*)$' '$1\t$2'
end
function __weir_options
    weir (commandline -opc)[2] --help 2>/dev/null | string match -ra -- '--[a-z][a-z0-9-]*' | sort -u
end
complete -c weir -n __fish_is_first_arg -f -a '(__weir_programs) --help --version --completion'
complete -c weir -n 'string match -q -- "-*" (commandline -ct); and not __fish_is_first_arg' -f -a '(__weir_options)'
