@echo off
rem Builds what is missing or older than its sources, then runs the tempera program.
rem Needs a JDK 17 or newer and Maven 3.8 or newer. See the shell script "tempera" for the same in more words.
setlocal
set "root=%~dp0"
set "target=%root%app\target"
set "built=%target%\tempera.built"

set "java=java"
if defined JAVA_HOME set "java=%JAVA_HOME%\bin\java.exe"
set "version="
for /f "tokens=3" %%v in ('""%java%" -version 2^>^&1" ^| findstr /c:" version "') do if not defined version set "version=%%~v"
if not defined version (
    echo tempera: no java found. Install a JDK 17 or newer, or set JAVA_HOME to one. 1>&2
    exit /b 1
)
for /f "delims=." %%m in ("%version%") do set "major=%%m"
if %major% lss 17 (
    echo tempera: Java 17 or newer is needed, found %version%. Set JAVA_HOME to a newer JDK. 1>&2
    exit /b 1
)

rem PowerShell compares the times: exit code 0 means that nothing is newer than the last build.
powershell -NoProfile -Command ^
    "$built = Get-Item -LiteralPath $env:built -ErrorAction SilentlyContinue;" ^
    "if (-not $built -or -not (Test-Path -LiteralPath (Join-Path $env:target 'lib'))) { exit 1 };" ^
    "$root = $env:root;" ^
    "$modules = Get-ChildItem -LiteralPath $root -Directory | Where-Object { $_.Name -notin 'examples','example-processor','benchmarks','consumer' };" ^
    "$sources = @(Get-Item -LiteralPath (Join-Path $root 'pom.xml'));" ^
    "foreach ($m in $modules) { foreach ($p in 'pom.xml','src\main') { $f = Join-Path $m.FullName $p; if (Test-Path -LiteralPath $f) { $sources += Get-Item -LiteralPath $f; $sources += Get-ChildItem -LiteralPath $f -Recurse } } };" ^
    "if ($sources | Where-Object { $_.LastWriteTimeUtc -gt $built.LastWriteTimeUtc }) { exit 1 }"
if not errorlevel 1 goto run

where mvn >nul 2>&1
if errorlevel 1 (
    echo tempera: the program is not built yet and there is no mvn on the PATH. Install Maven 3.8 or newer. 1>&2
    exit /b 1
)
echo tempera: building. The first time Maven also downloads the libraries, about 200 MB ... 1>&2
if not exist "%target%" mkdir "%target%"
if exist "%target%\lib" rmdir /s /q "%target%\lib"
if exist "%built%" del "%built%"
type nul > "%built%.new"
call mvn -B -q -Dstyle.color=never -f "%root%pom.xml" -pl app -am package -Dmaven.test.skip=true <nul 1>&2
if errorlevel 1 (
    echo tempera: the build failed, see above. 1>&2
    exit /b 1
)
move /y "%built%.new" "%built%" >nul

:run
if not defined OPT_OUT_TRACKING set "OPT_OUT_TRACKING=true"
set "native_access="
if %major% geq 22 set "native_access=--enable-native-access=ALL-UNNAMED"
"%java%" -Dfile.encoding=UTF-8 %native_access% %TEMPERA_JAVA_OPTIONS% -cp "%target%\classes;%target%\lib\*" dev.tempera.app.Tempera %*
exit /b %errorlevel%
